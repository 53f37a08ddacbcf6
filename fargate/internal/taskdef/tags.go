package taskdef

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// The tags we write. People and cost reports read them; the provider reads TagDigest alone.
const (
	TagDigest    = podid.AnnotationPrefix + "digest" // on a definition: Translation.Digest
	tagNamespace = podid.AnnotationPrefix + "namespace"
	tagPod       = podid.AnnotationPrefix + "pod"
	tagOwnerKind = podid.AnnotationPrefix + "owner-kind"
	tagOwner     = podid.AnnotationPrefix + "owner"
)

// API reference: Tag.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// cronJobRun is the suffix that a CronJob gives its Jobs: the minute it was due, in minutes since 1970.
var cronJobRun = regexp.MustCompile(`-[0-9]{8}$`)

// owner is what people call the thing a pod belongs to: the Deployment behind a ReplicaSet, else the
// controller, else the pod itself. Of a CronJob's Job it drops the time, so that every run has the same
// family; a Job of one's own that is named so shares nothing by that, for the digest is part of the family.
func owner(pod *corev1.Pod) (kind, name string) {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return "Pod", pod.Name
	}
	if controller.Kind == "Job" {
		return controller.Kind, cronJobRun.ReplaceAllString(controller.Name, "")
	}
	if hash := pod.Labels["pod-template-hash"]; hash != "" && controller.Kind == "ReplicaSet" {
		if deployment, ok := strings.CutSuffix(controller.Name, "-"+hash); ok {
			return "Deployment", deployment
		}
	}
	return controller.Kind, controller.Name
}

// definitionTags are the tags of what all replicas share.
func definitionTags(pod *corev1.Pod, digest string, operators map[string]string) []ecstypes.Tag {
	kind, name := owner(pod)
	ours := map[string]string{tagNamespace: pod.Namespace, tagOwnerKind: kind, tagOwner: name}
	return tags(map[string]string{TagDigest: digest}, operators, ours)
}

// taggedAnnotations are those that cost reports have a use for. All others stay in Kubernetes: they may hold anything, as
// options of logs do, or be written by the provider after the launch, which must not change a request that is repeated.
var taggedAnnotations = []string{AnnotationSize, annotationCapacityType, AnnotationEBS, annotationSubnets, annotationSecurityGroups, annotationPublicIP}

// taskTags are the tags of one pod's task: the operator's, ours, some of the pod's annotations, and its labels.
func taskTags(pod *corev1.Pod, operators map[string]string) []ecstypes.Tag {
	kind, name := owner(pod)
	ours := map[string]string{tagNamespace: pod.Namespace, tagPod: pod.Name, tagOwnerKind: kind, tagOwner: name}
	annotations := map[string]string{}
	for _, key := range taggedAnnotations {
		if value, given := pod.Annotations[key]; given {
			annotations[key] = value
		}
	}
	return tags(operators, ours, annotations, pod.Labels)
}

// tags merges the sets, the earlier ones winning where keys collide and where there are more than ECS
// takes; sorted by key.
func tags(sets ...map[string]string) []ecstypes.Tag {
	chosen := map[string]string{}
	for _, set := range sets {
		for _, key := range slices.Sorted(maps.Keys(set)) {
			mapped := tagText(key, maxTagKey)
			if _, taken := chosen[mapped]; !taken && len(chosen) < maxTags && !strings.HasPrefix(mapped, "aws:") {
				chosen[mapped] = tagText(set[key], maxTagValue)
			}
		}
	}
	var list []ecstypes.Tag
	for _, key := range slices.Sorted(maps.Keys(chosen)) {
		list = append(list, ecstypes.Tag{Key: aws.String(key), Value: aws.String(chosen[key])})
	}
	return list
}

// tagText keeps the characters that every AWS service takes in tags, and as many as fit.
func tagText(text string, length int) string {
	mapped := strings.Map(func(r rune) rune {
		if isLetterOrDigit(r) || strings.ContainsRune(" +-=._:/@", r) {
			return r
		}
		return '_'
	}, text)
	return mapped[:min(len(mapped), length)]
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

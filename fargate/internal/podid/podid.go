// Package podid names one attempt at running one pod, and recognises it again on an ECS task.
//
// The identity is what joins Kubernetes to ECS: cluster, node, pod UID and attempt. It travels in the
// environment override of one container, because that is the one place which survives StopTask
// (tags do not), is returned by DescribeTasks and is part of ECS's events. startedBy carries a hash of
// cluster and node, so that one ListTasks finds the running tasks of one daemon.
//
// The package never asks AWS or Kubernetes anything.
package podid

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"k8s.io/apimachinery/pkg/types"
)

// Annotations that the provider writes on a pod once its task has been started.
const (
	AnnotationPrefix  = "fargate.virtual-kubelet.io/"
	AnnotationTaskARN = AnnotationPrefix + "task-arn" // ARN of the newest task
	AnnotationAttempt = AnnotationPrefix + "attempt"  // number of that task, from 0
	// AnnotationCapacity tells what Fargate bills for the pod, as EKS on Fargate's CapacityProvisioned does.
	AnnotationCapacity = AnnotationPrefix + "capacity-provisioned"
)

// Containers of the provider's own. A pod's containers have other names.
const (
	KeeperName = "vk-keeper" // keeps a task until all containers of its pod have ended
	FilesName  = "vk-files"  // fills the pod's volumes before all other containers start
	// ImagePrefix begins the names of those that fill a volume with the files of its image.
	ImagePrefix = "vk-image-"
	// DirsPrefix begins the names of those that fill volumes with directories of the image of a container of the pod.
	DirsPrefix = "vk-dirs-"
)

// ImageName is the container that fills a volume with the files of its image.
func ImageName(volume string) string { return ImagePrefix + volume }

// DirsName is the container that copies directories of the image of one of the pod's containers.
func DirsName(container string) string { return DirsPrefix + container }

// Fills tells by its name whether a container fills volumes, and is over before the pod's own start.
func Fills(container string) bool {
	return container == FilesName || strings.HasPrefix(container, ImagePrefix) || strings.HasPrefix(container, DirsPrefix)
}

// RouterName is that of a container of the provider's own, which sends on the logs of a pod's others.
const RouterName = "vk-log-router"

// The variables that carry an ID into a task.
const (
	envClusterUID = "VK_CLUSTER_UID"
	envNodeName   = "VK_NODE_NAME"
	envNamespace  = "VK_POD_NAMESPACE"
	envPodName    = "VK_POD_NAME"
	envPodUID     = "VK_POD_UID"
	envAttempt    = "VK_ATTEMPT"
)

// Owner is one daemon: one node of one cluster. Tasks and definitions of another Owner are never touched.
type Owner struct {
	ClusterUID string // UID of the namespace kube-system, the customary name of a cluster
	NodeName   string
}

// StartedBy is the startedBy of every task of this Owner: "vk/" and 32 hex digits.
// ECS allows 128 characters of [A-Za-z0-9/_-] (API reference: RunTask).
func (o Owner) StartedBy() string { return "vk/" + digest(o.ClusterUID, o.NodeName)[:32] }

// FamilyPrefix begins the family of every task definition of this Owner: "vk-CLUSTER8-NODE8-".
// Both parts are readable where they can be and unique where they must be: eight characters of the
// cluster's UID, eight of a hash over cluster and node.
func (o Owner) FamilyPrefix() string {
	return "vk-" + clusterPart(o.ClusterUID) + "-" + digest(o.ClusterUID, o.NodeName)[:8] + "-"
}

func clusterPart(uid string) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(uid))
	return (letters + digest(uid))[:8]
}

// ID is one attempt at running one pod.
type ID struct {
	Owner
	Namespace, Name string
	UID             types.UID
	Attempt         int // from 0; also counts launches that never ran
}

// ClientToken makes RunTask idempotent: the same attempt at the same pod has the same token, whichever
// process asks. 64 hex digits, the most that RunTask takes.
func (id ID) ClientToken() string {
	return digest(id.ClusterUID, id.NodeName, string(id.UID), strconv.Itoa(id.Attempt))
}

// Environment carries the ID into a task; FromTask reads it back.
func (id ID) Environment() []ecstypes.KeyValuePair {
	pair := func(name, value string) ecstypes.KeyValuePair {
		return ecstypes.KeyValuePair{Name: aws.String(name), Value: aws.String(value)}
	}
	return []ecstypes.KeyValuePair{
		pair(envClusterUID, id.ClusterUID),
		pair(envNodeName, id.NodeName),
		pair(envNamespace, id.Namespace),
		pair(envPodName, id.Name),
		pair(envPodUID, string(id.UID)),
		pair(envAttempt, strconv.Itoa(id.Attempt)),
	}
}

// FromTask returns the ID that a task was started with; false if it carries none, or a broken one:
// such a task is somebody else's.
func FromTask(task ecstypes.Task) (ID, bool) {
	if task.Overrides == nil {
		return ID{}, false
	}
	for _, container := range task.Overrides.ContainerOverrides {
		if id, ok := fromEnvironment(container.Environment); ok {
			return id, true
		}
	}
	return ID{}, false
}

func fromEnvironment(environment []ecstypes.KeyValuePair) (ID, bool) {
	values := make(map[string]string, len(environment))
	for _, pair := range environment {
		values[aws.ToString(pair.Name)] = aws.ToString(pair.Value)
	}
	attempt, err := strconv.Atoi(values[envAttempt])
	id := ID{
		Owner:     Owner{ClusterUID: values[envClusterUID], NodeName: values[envNodeName]},
		Namespace: values[envNamespace],
		Name:      values[envPodName],
		UID:       types.UID(values[envPodUID]),
		Attempt:   attempt,
	}
	whole := err == nil && attempt >= 0 && id.ClusterUID != "" && id.NodeName != "" &&
		id.Namespace != "" && id.Name != "" && id.UID != ""
	return id, whole
}

// digest hashes its parts so that no two lists of parts collide by concatenation.
func digest(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

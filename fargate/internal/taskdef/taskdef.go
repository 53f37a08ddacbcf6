// Package taskdef translates a pod into what ECS runs: a task definition, which belongs to the pod's
// template and is shared by all its replicas and restarts, and a RunTask request, which belongs to the pod.
//
// It never calls anything, and asks neither clock nor chance: the same pod gives the same bytes.
//
// Three rules are kept here.
//
// A definition is addressed by the digest of its content. So whatever differs between replicas of one
// template stays out of it and travels in RunTask's overrides: the pod's identity, environment variables
// that name the pod, command arguments expanded from such variables. ECS lets overrides change a
// container's command but not its entry point; hence command[0] becomes the entry point, and the rest of
// command and args become ECS's command.
//
// No value of a Secret is in either: publish, then translate. The definition holds the ARNs under which
// Secrets Manager has the values, and these stay the same as long as the Secret does.
//
// No field of a pod is silently ignored. Verdicts is the table: each field of PodSpec and Container is
// mapped, emulated, accepted, warned about or refused. Check applies it to a pod.
package taskdef

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
)

// AnnotationSize chooses a Fargate size instead of the cheapest that fits: CPU units / MiB, "1024/4096".
const AnnotationSize = podid.AnnotationPrefix + "size"

// Settings is what the node's configuration says about every pod.
type Settings struct {
	Cluster               string // name or ARN of the ECS cluster
	Region                string // of the log group
	ExecutionRoleARN      string // empty: none
	InfrastructureRoleARN string // by which ECS makes EBS volumes; empty: none
	LogGroup              string // CloudWatch Logs group; empty: containers have no logs. ECS wants an execution role with it
	PlatformVersion       string // empty: ECS's LATEST
	Subnets               []string
	SecurityGroups        []string // empty: the VPC's default group
	AssignPublicIP        bool
	Architecture          string            // of processors, as Kubernetes spells it; empty: amd64
	CapacityType          CapacityType      // of pods that ask for none; empty: OnDemand
	Tags                  map[string]string // on every definition and task; win over all other tags
	HelperImage           string            // of the provider's own containers
	LogRouterImage        string            // of the container that the log driver awsfirelens needs
	DefaultMilliCPU       int               // for a container that asks for no CPU, in thousandths of one; 0: what the smallest size leaves
	DefaultMemoryMiB      int               // for a container that asks for no memory; 0: what the smallest size leaves
	NoTokens              bool              // tokens of ServiceAccounts are given to no pod
	Prices                Prices            // on demand, on the architecture; the zero value: USEast1
	SpotPrices            Prices            // the same of Spot; the zero value: USEast1
	Grants                Grants            // what pods may ask AWS for; nil: nothing
}

// Input is one pod, ready to be translated. Nothing of it is changed.
type Input struct {
	Pod         *corev1.Pod
	ID          podid.ID
	Environment podenv.Environment // of the same pod, with no problem left that Blocks
	Files       podfile.Files      // of the same pod's volumes, with no problem left that Blocks
	Claims      Claims             // of the same pod's volumes, each bound
	Settings    Settings
	// Pulls are the credentials of the pod's images.
	Pulls pullsecret.Credentials
	// LogSecrets is the environment of LogSecrets(Pod), under the same condition as Environment.
	LogSecrets podenv.Environment
	// Secrets says where each of the documents of Environment, Files, Pulls and LogSecrets was published, and each of
	// Tokens. A secret variable whose value is not in them is refused.
	Secrets map[podenv.Address]podenv.SecretVersion
	// ServiceAccountRole is what the annotation AnnotationServiceAccountRole of the pod's ServiceAccount says.
	ServiceAccountRole string
}

// Translation is what a pod is on Fargate.
type Translation struct {
	Definition *ecs.RegisterTaskDefinitionInput // complete; the tag TagDigest holds Digest
	Digest     string                           // sha256 of the definition without family and tags, 64 hex digits
	Run        *ecs.RunTaskInput                // complete but for TaskDefinition
	Size       Size
	Private    bool      // the definition holds this pod's own values, for they exceed what overrides may hold
	Findings   []Finding // warnings, in the order of the verdict table; none refuses
}

// Translate returns the translation of the pod; the error is an *UnsupportedError with everything that
// refuses it, and the warnings too. It does not look at the Problems of the environment: a pod that still
// waits for a ConfigMap is not ready to be translated.
func Translate(in Input) (Translation, error) {
	findings := Check(in)
	if refused(findings) {
		return Translation{}, &UnsupportedError{Findings: findings}
	}
	in.Environment = effective(in)
	size, _ := size(in.Pod, in.Settings) // Check has refused what has no size
	t := Translation{Size: size, Findings: findings}

	var chosen contents
	if field, reason := needsPrivate(in); reason != "" {
		chosen.private, t.Private = true, true
		t.Findings = append(t.Findings, Finding{Field: field, Verdict: Emulated, Message: "the pod has a task definition of its own, because " + reason})
	}
	t.Definition, t.Digest = define(in, size, chosen)
	if len(wireJSON(t.Definition)) > maxDefinition && hasLinks(in.Environment) {
		chosen.noLinks = true
		t.Definition, t.Digest = define(in, size, chosen)
		t.Findings = append(t.Findings, ruleLinksDropped.finding(hit{}))
	}
	if length := len(wireJSON(t.Definition)); length > maxDefinition {
		t.Findings = append(t.Findings, ruleTooLarge.finding(hit{detail: fmt.Sprintf("%d bytes", length)}))
		return Translation{}, &UnsupportedError{Findings: t.Findings}
	}
	t.Run = runTask(in, t.Private)
	return t, nil
}

func hasLinks(environment podenv.Environment) bool {
	for _, c := range environment.Containers {
		if slices.ContainsFunc(c.Variables, func(v podenv.Variable) bool { return v.ServiceLink }) {
			return true
		}
	}
	return false
}

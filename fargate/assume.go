package fargate

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// Verdicts beside those of the table.
const (
	noted   = "noted"   // odd, and keeps nothing from running
	assumed = "assumed" // not in the files
)

// severity puts the worst findings first.
func severity(f Finding) int {
	order := []string{string(taskdef.Refused), string(Waits), string(Ignored), string(Held), string(taskdef.Warned), string(taskdef.Emulated), noted, assumed}
	return slices.Index(order, f.Verdict)
}

// explainer has what a Provider has, without a cluster and an account.
type explainer struct {
	set      manifest.Set
	account  *Account // of its configuration alone: it has no clients
	settings taskdef.Settings
	owner    podid.Owner
	labels   map[string]string // of the node
	grants   *assumedGrants    // nil: fargate.toml's are known
	all      bool              // of each pod's fields
}

func newExplainer(in ExplainInput, set manifest.Set) *explainer {
	e := &explainer{set: set, all: in.All, owner: podid.Owner{ClusterUID: "CLUSTER-UID", NodeName: in.NodeName}}
	config := assumedConfig()
	if in.Config != nil {
		config = *in.Config
	}
	e.account = &Account{config: config, region: cmp.Or(config.Region, "REGION")}
	e.settings, e.labels = e.account.settings(), e.account.labels(NodeOptions{Name: in.NodeName})
	if in.Config == nil {
		e.grants = &assumedGrants{}
		e.settings.Grants = e.grants
	}
	return e
}

// assumedConfig stands for a fargate.toml that has all that a pod may need.
func assumedConfig() providerconfig.Config {
	config := providerconfig.Default()
	config.Subnets, config.SecurityGroups = []string{"SUBNET"}, []string{"SECURITY-GROUP"}
	config.ExecutionRoleARN, config.CloudWatchLogGroupName = "arn:aws:iam::ACCOUNT:role/EXECUTION-ROLE", "LOG-GROUP"
	return config
}

// assumedGrants grant everything, and remember what the pod at hand was granted.
type assumedGrants struct{ role string }

// TaskRole implements taskdef.Grants.
func (g *assumedGrants) TaskRole(_, roleARN string) bool {
	g.role = roleARN
	return true
}

// assumed tells what fargate.toml would have to grant the pod, and forgets it. g may be nil.
func (g *assumedGrants) assumed(pod *corev1.Pod) []Finding {
	if g == nil || g.role == "" {
		return nil
	}
	field := "spec.serviceAccountName"
	if pod.Annotations[taskdef.AnnotationRole] == g.role {
		field = "metadata.annotations[" + taskdef.AnnotationRole + "]"
	}
	message := fmt.Sprintf("that [[Grants]] in fargate.toml gives %s to namespace %q", g.role, pod.Namespace)
	g.role = ""
	return []Finding{{assumed, field, message}}
}

// notes are sentences about all of the pods.
func (e *explainer) notes(in ExplainInput, pods []Explanation) []string {
	var notes []string
	if slices.ContainsFunc(pods, func(x Explanation) bool { return x.RunTask != nil }) {
		notes = append(notes, "Words in CAPITALS, and what is hashed from them (family, startedBy, clientToken), are known to a running node alone.")
	}
	if in.Config == nil {
		notes = append(notes, "No fargate.toml was given (--provider-config): its defaults are taken, and subnets, security groups, an execution role, a log group and grants are assumed.")
	}
	for _, passed := range e.set.PassedOver {
		notes = append(notes, "Passed over: "+passed+".")
	}
	return notes
}

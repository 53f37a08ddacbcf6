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
	noted   = "noted"   // odd, and keeps nothing from running on the node
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
	config.InfrastructureRoleARN = "arn:aws:iam::ACCOUNT:role/INFRASTRUCTURE-ROLE"
	config.ExecutionRoleARN, config.CloudWatchLogGroupName = "arn:aws:iam::ACCOUNT:role/EXECUTION-ROLE", "LOG-GROUP"
	return config
}

// assumedGrants grant everything, and remember what the pod at hand was granted.
type assumedGrants struct{ given []given }

// given is what one key of [[Grants]] would have to grant.
type given struct{ key, what string }

func (g *assumedGrants) grant(key, what string) bool {
	if !slices.Contains(g.given, given{key, what}) {
		g.given = append(g.given, given{key, what})
	}
	return true
}

// These implement taskdef.Grants.
func (g *assumedGrants) TaskRole(_, roleARN string) bool { return g.grant("TaskRoles", roleARN) }
func (g *assumedGrants) Subnet(_, id string) bool        { return g.grant("Subnets", id) }
func (g *assumedGrants) SecurityGroup(_, id string) bool { return g.grant("SecurityGroups", id) }
func (g *assumedGrants) PublicAddress(string) bool {
	return g.grant("PublicIPv4Address", "public addresses")
}
func (g *assumedGrants) LogDestination(_, place string) bool {
	return g.grant("LogDestinations", place)
}
func (g *assumedGrants) FileSystem(_, id string) bool { return g.grant("FileSystems", id) }

// assumed tells what fargate.toml would have to grant the pod, and forgets it. g may be nil.
func (g *assumedGrants) assumed(pod *corev1.Pod) []Finding {
	if g == nil {
		return nil
	}
	var findings []Finding
	for _, granted := range g.given {
		message := fmt.Sprintf("that [[Grants]] in fargate.toml gives %s to namespace %q", granted.what, pod.Namespace)
		findings = append(findings, Finding{assumed, askingField(pod, granted), message})
	}
	g.given = nil
	return findings
}

// askingField is the field that asks for what is granted: an annotation, a volume, or of a role the ServiceAccount's.
func askingField(pod *corev1.Pod, granted given) string {
	for _, a := range taskdef.Annotations() {
		asks := a.Key != taskdef.AnnotationRole || pod.Annotations[a.Key] == granted.what
		if a.Grant == granted.key && asks {
			return "metadata.annotations[" + a.Key + "]"
		}
	}
	if granted.key == "FileSystems" {
		return "spec.volumes"
	}
	return "spec.serviceAccountName"
}

// notes are sentences about all of the pods.
func (e *explainer) notes(in ExplainInput, pods []Explanation) []string {
	var notes []string
	if slices.ContainsFunc(pods, func(x Explanation) bool { return x.RunTask != nil }) {
		notes = append(notes, "Words in CAPITALS, and what is hashed from them (family, startedBy, clientToken), are known to a running node alone.")
	}
	if in.Config == nil {
		notes = append(notes, "No fargate.toml was given (--provider-config): its defaults are taken, and subnets, security groups, an execution role, an infrastructure role, a log group and grants are assumed.")
	}
	for _, passed := range e.set.PassedOver {
		notes = append(notes, "Passed over: "+passed+".")
	}
	return notes
}

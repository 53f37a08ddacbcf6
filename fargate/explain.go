package fargate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// Manifest is a file of Kubernetes objects, YAML or JSON.
type Manifest = manifest.File

// ExplainInput is what Explain has instead of a cluster and an account.
type ExplainInput struct {
	Manifests []Manifest
	Namespace string                 // of objects that name none; empty: default
	NodeName  string                 // of the node that the pods would run on
	Config    *providerconfig.Config // nil: words in capitals stand for what fargate.toml would say
	All       bool                   // tell of every field that is set, also of those that are taken care of
}

// Explained is what would become of the pods in some files.
type Explained struct {
	Pods  []Explanation // in the order of the files
	Notes []string      // sentences about all of them: what was assumed, what passed over
}

// Outcome is what would become of a pod.
type Outcome string

const (
	Runs    Outcome = "runs"
	Waits   Outcome = "waits"   // until somebody makes what it names
	Refused Outcome = "refused" // Fargate cannot run it as it is written
	Ignored Outcome = "ignored" // a DaemonSet's, which fargate.toml leaves alone
	Held    Outcome = "held"    // a DaemonSet's, which fargate.toml leaves Pending
)

// Fine tells whether nothing about the pod or the files has to be changed.
func (o Outcome) Fine() bool { return o != Waits && o != Refused }

// Explanation is about one pod, or about the pods of one template.
type Explanation struct {
	Where          string         `json:"where"` // pod.yaml:12
	Kind           string         `json:"kind"`
	Namespace      string         `json:"namespace"`
	Name           string         `json:"name"`
	Template       string         `json:"template,omitempty"` // where in the object the pod stands; empty: it is the object
	Replicas       int            `json:"replicas,omitempty"` // 0: that depends
	Outcome        Outcome        `json:"outcome"`
	Findings       []Finding      `json:"findings"`                 // the worst first
	Size           *ExplainedSize `json:"size,omitempty"`           // nil of a pod that is refused
	TaskDefinition map[string]any `json:"taskDefinition,omitempty"` // as RegisterTaskDefinition takes it; nil of a pod that does not run
	RunTask        map[string]any `json:"runTask,omitempty"`        // the same of RunTask
}

// Finding is what becomes of one field. Verdicts are those of the README's table, and "waits", "noted" and "assumed".
type Finding struct {
	Verdict string `json:"verdict"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// ExplainedSize is a Fargate size beside what the pod asks for, and its price.
type ExplainedSize struct {
	RequestedCPU       string  `json:"requestedCPU"` // as Kubernetes writes it, 250m
	RequestedMemoryMiB int     `json:"requestedMemoryMiB"`
	Defaulted          bool    `json:"defaulted,omitempty"` // a container says nothing of CPU or of memory, and [Defaults] of fargate.toml count
	CPUUnits           int     `json:"cpuUnits"`            // 1024 are one vCPU
	MemoryMiB          int     `json:"memoryMiB"`
	StorageGiB         int     `json:"storageGiB,omitempty"` // 0: the 20 GiB that every task has
	CapacityType       string  `json:"capacityType"`         // spot or on-demand: which of the prices counts
	OnDemandHourlyUSD  float64 `json:"onDemandHourlyUSD"`
	SpotHourlyUSD      float64 `json:"spotHourlyUSD"` // about
	PricesOf           string  `json:"pricesOf"`      // us-east-1, 2026-10
}

// Explain tells what would become of the pods in the manifests, by the code that launches pods, and calls nobody. Its
// error is about what is wrong with the manifests. No value of a Secret is in what it returns.
func Explain(in ExplainInput) (Explained, error) {
	set, err := manifest.Read(cmp.Or(in.Namespace, corev1.NamespaceDefault), in.Manifests...)
	if err != nil {
		return Explained{}, err
	}
	e := newExplainer(in, set)
	var explained Explained
	for _, w := range set.Workloads {
		explained.Pods = append(explained.Pods, e.explain(w))
	}
	explained.Notes = e.notes(in, explained.Pods)
	return explained, nil
}

// explain tells what would become of one pod.
func (e *explainer) explain(w manifest.Workload) Explanation {
	x := Explanation{Where: w.Where, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Template: w.Template, Replicas: w.Replicas}
	w.Pod.Spec.NodeName = e.owner.NodeName
	switch daemonSetModeOf(w.Pod, e.account.config.DaemonSets.Mode, e.labels) {
	case daemonSetIgnored:
		x.Outcome, x.Findings = Ignored, []Finding{{string(Ignored), "DaemonSet", "the node leaves pods of DaemonSets alone: nothing runs and nothing is billed; [DaemonSets] Mode in fargate.toml changes that"}}
	case daemonSetHeld:
		x.Outcome, x.Findings = Held, []Finding{{string(Held), "DaemonSet", "fargate.toml holds pods of DaemonSets: [DaemonSets] Mode"}}
	default:
		e.explainLaunch(&x, w)
		if e.all {
			x.Findings = append(x.Findings, quiet(w.Written, x.Findings)...)
		}
	}
	return x
}

// explainLaunch tells what a launch of the pod would come to.
func (e *explainer) explainLaunch(x *Explanation, w manifest.Workload) {
	pod := w.Pod
	id := podid.ID{Owner: e.owner, Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}
	from, standIns := e.fetch(pod)
	d := drafted(pod, id, from, e.settings)
	x.Findings = slices.Concat([]Finding{}, findings(d), misplaced(w), e.placement(w), standIns, e.grants.assumed(pod))
	slices.SortStableFunc(x.Findings, func(a, b Finding) int { return cmp.Compare(severity(a), severity(b)) })
	if d.refusal != nil {
		x.Outcome = Refused
		return
	}
	x.Size = e.size(pod, d.translation.Size)
	if d.waitsFor() != nil {
		x.Outcome = Waits
		return
	}
	x.Outcome = Runs
	x.TaskDefinition, x.RunTask = e.requests(d.translation)
}

// findings are all that a draft tells of fields: what podenv refuses taskdef refuses too.
func findings(d draft) []Finding {
	var all []Finding
	told := d.translation.Findings
	if unsupported := taskdef.AsUnsupported(d.refusal); unsupported != nil {
		told = unsupported.Findings
	}
	for _, f := range told {
		all = append(all, Finding{string(f.Verdict), f.Field, f.Message})
	}
	for _, p := range d.problems {
		if verdict, ours := map[podenv.Effect]string{podenv.Waits: string(Waits), podenv.Noted: noted}[p.Effect]; ours {
			all = append(all, Finding{verdict, p.Field, p.Message})
		}
	}
	return all
}

// misplaced finds the provider's annotations where no pod gets them from.
func misplaced(w manifest.Workload) []Finding {
	ours := func(key string) bool {
		return strings.HasPrefix(key, podid.AnnotationPrefix) || slices.ContainsFunc(taskdef.Annotations(), func(a taskdef.Annotation) bool { return a.Key == key })
	}
	var all []Finding
	for _, m := range w.Above {
		for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
			if _, inPlace := w.Pod.Annotations[key]; ours(key) && !inPlace {
				all = append(all, Finding{string(taskdef.Warned), m.Field + "[" + key + "]", fmt.Sprintf(
					"no pod of the %s has it, so that it has no effect: it belongs to %s.metadata.annotations", w.Kind, w.Template)})
			}
		}
	}
	return all
}

// quiet is what the table says of the fields that a pod sets and that nothing was said about.
func quiet(pod *corev1.Pod, said []Finding) []Finding {
	var all []Finding
	for _, f := range taskdef.Quiet(pod) {
		if !slices.ContainsFunc(said, func(loud Finding) bool { return loud.Field == f.Field }) {
			all = append(all, Finding{string(f.Verdict), f.Field, f.Message})
		}
	}
	return all
}

// size is what Fargate bills, and for how much.
func (e *explainer) size(pod *corev1.Pod, size taskdef.Size) *ExplainedSize {
	milliCPU := size.RequestedCPUUnits * 1000 / 1024
	return &ExplainedSize{
		RequestedCPU:       resource.NewMilliQuantity(int64(milliCPU), resource.DecimalSI).String(),
		RequestedMemoryMiB: size.RequestedMemoryMiB,
		Defaulted:          isDefaulted(pod),
		CPUUnits:           size.CPUUnits, MemoryMiB: size.MemoryMiB, StorageGiB: size.StorageGiB,
		CapacityType:      string(taskdef.CapacityOf(pod, e.settings)),
		OnDemandHourlyUSD: rounded(size.HourlyUSD(e.settings.Prices)), SpotHourlyUSD: rounded(size.HourlyUSD(e.settings.SpotPrices)),
		PricesOf: e.pricesOf(),
	}
}

// isDefaulted tells whether [Defaults] count for a pod: neither it nor some container says how much of CPU, or of memory.
func isDefaulted(pod *corev1.Pod) bool {
	whole := ptr.Deref(pod.Spec.Resources, corev1.ResourceRequirements{})
	return slices.ContainsFunc([]corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}, func(name corev1.ResourceName) bool {
		return !says(whole, name) && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return !says(c.Resources, name) })
	})
}

func says(r corev1.ResourceRequirements, name corev1.ResourceName) bool {
	_, requests := r.Requests[name]
	_, limits := r.Limits[name]
	return requests || limits
}

func rounded(usd float64) float64 { return math.Round(usd*1e6) / 1e6 }

func (e *explainer) pricesOf() string {
	of := taskdef.PricesOf
	if e.account.config.Node.Architecture == providerconfig.ARM64 {
		of += " on ARM"
	}
	if e.account.config.Prices != (providerconfig.Prices{}) {
		of = "fargate.toml, else " + of
	}
	return of
}

// requests are the two calls as they go over the wire. The second names what the first returns.
func (e *explainer) requests(t taskdef.Translation) (definition, run map[string]any) {
	definition, run = taskdef.Wire(t.Definition).(map[string]any), taskdef.Wire(t.Run).(map[string]any)
	run["taskDefinition"] = fmt.Sprintf("arn:aws:ecs:%s:ACCOUNT:task-definition/%s:REVISION", e.account.region, *t.Definition.Family)
	return definition, run
}

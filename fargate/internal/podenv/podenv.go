// Package podenv works out what a container's environment is: its variables, and its command and
// arguments with their $(VAR) references expanded, exactly as a kubelet would.
//
// It never fetches anything: References says which ConfigMaps and Secrets a pod names, the caller
// brings them, Resolve reads them. No value of a Secret ever appears in a Variable, a Word or a Problem:
// Environment.Secrets has them, as Values that do not show themselves, each under an address; a variable
// says where its value is.
//
// The rule, from weakest to strongest (kubelet's makeEnvironmentVariables):
//
//	service links   SVC_SERVICE_HOST and its kin; kubernetes' own always, the others when enabled
//	HOSTNAME        which a container runtime sets to the pod's hostname
//	envFrom         in order, a later source wins
//	env             in order, a later entry wins; $(VAR) sees what stands above it
//
// Three marks travel with every value and are contagious through $(VAR): PerPod (it differs between
// replicas of one template), Secret (it holds a value from a Secret, or a part of one) and AtStart (it holds PodIP,
// which somebody inside the task must replace).
package podenv

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Sources is everything outside the pod that its environment is made of.
type Sources struct {
	ConfigMaps  map[string]*corev1.ConfigMap // by name, of the pod's namespace; absent or nil: does not exist
	Secrets     map[string]*corev1.Secret    // by name, of the pod's namespace; absent or nil: does not exist
	Services    []*corev1.Service            // of the pod's namespace; those of another namespace are passed over
	APIServer   Endpoint                     // what KUBERNETES_SERVICE_HOST and _PORT say; the zero value leaves them out
	NodeName    string                       // spec.nodeName while the pod's own is still empty
	HostIP      string                       // status.hostIP: the address of the node, as pods have it in their status
	Allocatable corev1.ResourceList          // what resourceFieldRef answers for a limit that is not set
}

// Endpoint is an address of the API server that a Fargate task can reach.
type Endpoint struct {
	Host string
	Port string // decimal; empty means 443
}

// Marks say what a value must not be mixed with.
type Marks struct {
	PerPod  bool // differs between replicas of one template: it travels in RunTask's overrides
	Secret  bool // comes from a Secret or was expanded from one: it never appears in clear
	AtStart bool // holds PodIP: it is complete only once the task has an address
}

func (m Marks) with(other Marks) Marks {
	return Marks{PerPod: m.PerPod || other.PerPod, Secret: m.Secret || other.Secret, AtStart: m.AtStart || other.AtStart}
}

// PodIP stands in values for the address of the task, which ECS gives when it starts one.
const PodIP = "@VK_POD_IP@"

// Variable is one environment variable with its final value.
type Variable struct {
	Name  string
	Value string // empty if Secret
	Marks
	Stored      Stored // where the value is, if Secret
	ServiceLink bool   // announces a Service other than kubernetes: the first to go when space is short
	Field       string // the field that gave the value, such as spec.containers[0].env[2].valueFrom.secretKeyRef; empty for what no field asked for
}

// Word is one expanded element of a command or of its arguments.
type Word struct {
	Value string // empty if Secret
	Marks
	Field string // spec.containers[0].args[1]
}

// Container is the environment of one container.
type Container struct {
	Name      string
	Variables []Variable // sorted by name, each name once
	Command   []Word     // nil: the image's entry point
	Args      []Word     // nil: the image's arguments, unless Command is set
	SubPaths  []Word     // one for each of the container's volumeMounts: its subPath, or its subPathExpr expanded; may be empty
}

// Environment holds one entry for each of the pod's containers: the init containers first, then the others, each in the
// pod's order.
type Environment struct {
	Containers []Container
	documents  []Document // what Secrets returns
}

// Resolve returns the environment of each of the pod's containers, and every problem met on the way,
// in the order of the fields; what is wrong about values of Secrets comes last. The environment is complete
// only when no problem Blocks. The same pod and sources give the same answer, byte for byte.
func Resolve(pod *corev1.Pod, sources Sources) (Environment, []Problem) {
	links := serviceLinks(pod, sources)
	var environment Environment
	var problems problemList
	var all [][]binding
	each(pod, func(c *corev1.Container, path string) {
		r := resolver{pod: pod, sources: sources, container: c, path: path, links: links,
			own: map[string]binding{}, problems: &problems}
		container, bindings := r.resolve()
		environment.Containers = append(environment.Containers, container)
		all = append(all, bindings)
	})
	environment.store(pod.Namespace, all, &problems)
	return environment, problems
}

// each visits the containers in the order of an Environment; path is spec.containers[0] and the like.
func each(pod *corev1.Pod, visit func(c *corev1.Container, path string)) {
	for i := range pod.Spec.InitContainers {
		visit(&pod.Spec.InitContainers[i], fmt.Sprintf("spec.initContainers[%d]", i))
	}
	for i := range pod.Spec.Containers {
		visit(&pod.Spec.Containers[i], fmt.Sprintf("spec.containers[%d]", i))
	}
}

// store gives each container its variables, the secret ones with the place of their value.
func (e *Environment) store(namespace string, all [][]binding, problems *problemList) {
	values := shelves{}
	for i, bindings := range all {
		for _, b := range bindings {
			if b.Secret && !values.put(b) {
				problems.add(Problem{Field: b.Field, Container: e.Containers[i].Name, Reason: ReasonInvalidSecretValue, Effect: Waits,
					Message: "the value of variable " + b.Name + " is not UTF-8 text, which an environment variable must be"})
			}
		}
	}
	var tooLarge map[Address]bool
	e.documents, tooLarge = values.documents(namespace)
	for i, bindings := range all {
		for _, b := range bindings {
			if b.Secret {
				shelf, key := place(b)
				b.Stored = Stored{Address: values.address(namespace, shelf), Key: key}
			}
			if tooLarge[b.Stored.Address] {
				problems.add(Problem{Field: b.Field, Container: e.Containers[i].Name, Reason: ReasonSecretTooLarge, Effect: Waits,
					Message: "the values of Secrets that the pod takes from one source exceed the 65,536 bytes that AWS Secrets Manager holds in one secret"})
			}
			e.Containers[i].Variables = append(e.Containers[i].Variables, b.Variable)
		}
	}
}

// hostname is the name a container runtime would give the pod: at most 63 characters, as the kernel's is.
func hostname(pod *corev1.Pod) string {
	name := pod.Name
	if pod.Spec.Hostname != "" {
		name = pod.Spec.Hostname
	}
	if pod.Spec.HostnameOverride != nil {
		name = *pod.Spec.HostnameOverride
	}
	return name[:min(len(name), 63)]
}

// variables are the container's own over the service links, sorted by name. HOSTNAME comes last and gives
// way to both; on a real node the container runtime adds it, which is why no $(HOSTNAME) ever expands to it.
func variables(pod *corev1.Pod, links map[string]Variable, own map[string]binding) []binding {
	all := map[string]binding{
		"HOSTNAME": {Variable: Variable{Name: "HOSTNAME", Value: hostname(pod), Marks: Marks{PerPod: true}}},
	}
	for name, link := range links {
		all[name] = binding{Variable: link}
	}
	maps.Copy(all, own)
	sorted := make([]binding, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[name])
	}
	return sorted
}

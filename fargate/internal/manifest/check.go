package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
)

// check finds what the API server would refuse in a pod before any node sees it, as far as people trip over it (kubernetes'
// pkg/apis/core/validation; restart policies of templates: pkg/apis/apps and batch). It is not all that the API server
// looks at.
func check(w Workload) []fault {
	c := checker{under: strings.TrimPrefix(w.Template+".spec", ".")}
	s := &w.Pod.Spec
	if len(s.Containers) == 0 {
		c.add("containers", "missing; a pod has at least one")
	}
	c.restartPolicy(w)
	oneOf(&c, "dnsPolicy", s.DNSPolicy, corev1.DNSClusterFirst, corev1.DNSClusterFirstWithHostNet, corev1.DNSDefault, corev1.DNSNone)
	c.resources("resources", ptr.Deref(s.Resources, corev1.ResourceRequirements{}))
	volumes := c.volumes(s.Volumes)
	names := map[string]bool{}
	for i := range s.InitContainers {
		c.container(fmt.Sprintf("initContainers[%d]", i), &s.InitContainers[i], names, volumes)
	}
	for i := range s.Containers {
		c.container(fmt.Sprintf("containers[%d]", i), &s.Containers[i], names, volumes)
	}
	return c.faults
}

// fault is what is wrong with a field, and what is allowed.
type fault struct{ field, message string }

// checker gathers the faults of one pod.
type checker struct {
	under  string // where the pod's spec stands: spec.template.spec
	faults []fault
}

func (c *checker) add(field, format string, args ...any) {
	c.faults = append(c.faults, fault{c.under + "." + field, fmt.Sprintf(format, args...)})
}

// oneOf checks a word; an empty one is the API server's default.
func oneOf[T ~string](c *checker, field string, value T, allowed ...T) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	var words []string
	for _, a := range allowed {
		words = append(words, string(a))
	}
	c.add(field, "%q; it must be %s", string(value), strings.Join(words, ", "))
}

// restartPolicy is that of the pod, which its controller may narrow.
func (c *checker) restartPolicy(w Workload) {
	const field = "restartPolicy"
	value := w.Pod.Spec.RestartPolicy
	switch w.Kind {
	case "Pod":
		oneOf(c, field, value, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	case "Job", "CronJob":
		if value == "" {
			c.add(field, "missing; it must be OnFailure, Never")
		}
		oneOf(c, field, value, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	default:
		oneOf(c, field, value, corev1.RestartPolicyAlways)
	}
}

// name checks one among others.
func (c *checker) name(field, name string, others map[string]bool) {
	switch {
	case name == "":
		c.add(field, "missing; name it")
	case others[name]:
		c.add(field, "%q is there already; it must be unique", name)
	case len(validation.IsDNS1123Label(name)) > 0:
		c.add(field, "%q; it must be at most 63 of a-z, 0-9 and -, with - neither first nor last", name)
	}
	others[name] = true
}

// volumes checks the volumes, and returns their names.
func (c *checker) volumes(volumes []corev1.Volume) map[string]bool {
	names := map[string]bool{}
	for i := range volumes {
		v, at := &volumes[i], fmt.Sprintf("volumes[%d]", i)
		c.name(at+".name", v.Name, names)
		if n := sources(v); n > 1 {
			c.add(at, "%d sources; it must be one", n)
		}
		if v.EmptyDir != nil && v.EmptyDir.SizeLimit != nil {
			c.quantity(at+".emptyDir.sizeLimit", *v.EmptyDir.SizeLimit)
		}
	}
	return names
}

// sources counts those of a volume; without one it is an emptyDir.
func sources(v *corev1.Volume) (n int) {
	source := reflect.ValueOf(v.VolumeSource)
	for i := range source.NumField() {
		if !source.Field(i).IsZero() {
			n++
		}
	}
	return n
}

func (c *checker) container(at string, container *corev1.Container, names, volumes map[string]bool) {
	c.name(at+".name", container.Name, names)
	if container.Image == "" {
		c.add(at+".image", "missing; name one")
	}
	oneOf(c, at+".imagePullPolicy", container.ImagePullPolicy, corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)
	oneOf(c, at+".restartPolicy", ptr.Deref(container.RestartPolicy, ""), corev1.ContainerRestartPolicyAlways, corev1.ContainerRestartPolicyOnFailure, corev1.ContainerRestartPolicyNever)
	c.resources(at+".resources", container.Resources)
	for i, p := range container.Ports {
		at := fmt.Sprintf("%s.ports[%d]", at, i)
		c.port(at+".containerPort", p.ContainerPort)
		if p.HostPort != 0 {
			c.port(at+".hostPort", p.HostPort)
		}
		oneOf(c, at+".protocol", p.Protocol, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
	}
	c.mounts(at, container, volumes)
	c.probe(at+".livenessProbe", container.LivenessProbe)
	c.probe(at+".readinessProbe", container.ReadinessProbe)
	c.probe(at+".startupProbe", container.StartupProbe)
}

func (c *checker) mounts(at string, container *corev1.Container, volumes map[string]bool) {
	paths := map[string]bool{}
	for i, m := range container.VolumeMounts {
		at := fmt.Sprintf("%s.volumeMounts[%d]", at, i)
		c.volume(at+".name", m.Name, volumes)
		c.path(at+".mountPath", m.MountPath, paths)
	}
	for i, d := range container.VolumeDevices {
		at := fmt.Sprintf("%s.volumeDevices[%d]", at, i)
		c.volume(at+".name", d.Name, volumes)
		c.path(at+".devicePath", d.DevicePath, paths)
	}
}

// volume checks the name by which a container means a volume.
func (c *checker) volume(field, name string, volumes map[string]bool) {
	switch {
	case volumes[name] && name != "":
	case len(volumes) == 0:
		c.add(field, "there is no volume %q; the pod has none", name)
	default:
		c.add(field, "there is no volume %q; the pod has: %s", name, strings.Join(slices.Sorted(maps.Keys(volumes)), ", "))
	}
}

func (c *checker) path(field, path string, others map[string]bool) {
	switch {
	case path == "":
		c.add(field, "missing; name a path in the container")
	case others[path]:
		c.add(field, "%q is there already; it must be unique", path)
	}
	others[path] = true
}

func (c *checker) resources(at string, r corev1.ResourceRequirements) {
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		c.quantity(at+".limits."+string(name), r.Limits[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		c.quantity(at+".requests."+string(name), request)
		if limit, limited := r.Limits[name]; limited && request.Cmp(limit) > 0 {
			c.add(at+".requests."+string(name), "%s; it must be at most the limit of %s", request.String(), limit.String())
		}
	}
}

func (c *checker) quantity(field string, q resource.Quantity) {
	if q.Sign() < 0 {
		c.add(field, "%s; it must be at least 0", q.String())
	}
}

func (c *checker) port(field string, port int32) {
	if port < 1 || port > 65535 {
		c.add(field, "%d; it must be 1 to 65535", port)
	}
}

// probe checks the port that a probe asks.
func (c *checker) probe(at string, p *corev1.Probe) {
	switch {
	case p == nil:
	case p.HTTPGet != nil:
		c.probed(at+".httpGet.port", p.HTTPGet.Port)
	case p.TCPSocket != nil:
		c.probed(at+".tcpSocket.port", p.TCPSocket.Port)
	case p.GRPC != nil:
		c.port(at+".grpc.port", p.GRPC.Port)
	}
}

func (c *checker) probed(field string, port intstr.IntOrString) {
	if port.Type == intstr.Int {
		c.port(field, port.IntVal)
	}
}

package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/healthcheck"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// isSidecar tells whether an init container runs beside the containers, and not before them.
func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// remaining are the containers that the pod's next task runs. Under OnFailure one that has exited with 0 does not run
// again, which its status tells.
func remaining(pod *corev1.Pod) []*corev1.Container {
	var containers []*corev1.Container
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; !hasSucceeded(pod, c.Name) {
			containers = append(containers, c)
		}
	}
	return containers
}

func hasSucceeded(pod *corev1.Pod, container string) bool {
	return pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == container && s.State.Terminated != nil && s.State.Terminated.ExitCode == 0
	})
}

// needsKeeper tells whether a task must outlast each of its containers: with several that are not to run for ever, the
// end of one is not the end of all, and ECS wants an essential container, whose end is.
func needsKeeper(pod *corev1.Pod) bool {
	policy := pod.Spec.RestartPolicy
	return (policy == corev1.RestartPolicyOnFailure || policy == corev1.RestartPolicyNever) && len(remaining(pod)) > 1
}

// keeper does nothing until the provider, which has seen all others end, stops the task.
func keeper(settings Settings) ecstypes.ContainerDefinition {
	return ecstypes.ContainerDefinition{
		Name: aws.String(podid.KeeperName), Image: aws.String(settings.HelperImage), Essential: aws.Bool(true),
		EntryPoint: []string{"sh"}, Command: []string{"-c", "trap 'exit 0' TERM; while :; do sleep 86400 & wait; done"},
		StopTimeout: aws.Int32(minStopTimeout), ReadonlyRootFilesystem: aws.Bool(true), User: aws.String("65534:65534"),
	}
}

// containerDefinitions are those of a task: those that fill volumes, init containers, each after those before it,
// then the containers, after all of them. ECS ends them in the opposite order, so that a sidecar outlasts what it is
// for.
func containerDefinitions(in Input, chosen contents) []ecstypes.ContainerDefinition {
	ports, l, first := map[int32]bool{}, layoutOf(in), true
	var definitions []ecstypes.ContainerDefinition
	if needsFiles(in) {
		definitions = append(definitions, filesContainer(in, l, chosen))
	}
	for _, v := range l.imageVolumes() {
		definitions = append(definitions, imageContainer(in, l, v))
	}
	for _, c := range l.withDirs(in) {
		definitions = append(definitions, dirsContainer(in, l, c))
	}
	for i := range in.Pod.Spec.InitContainers {
		c := &in.Pod.Spec.InitContainers[i]
		d := containerDefinition(in, l, c, ports, chosen)
		d.Essential, d.DependsOn = aws.Bool(false), after(in, i)
		d.SystemControls = systemControls(in.Pod, first)
		first = false
		if !isSidecar(c) {
			passing(&d)
		}
		definitions = append(definitions, d)
	}
	kept := needsKeeper(in.Pod)
	for _, c := range remaining(in.Pod) {
		d := containerDefinition(in, l, c, ports, chosen)
		d.Essential, d.DependsOn = aws.Bool(!kept), after(in, len(in.Pod.Spec.InitContainers))
		d.SystemControls = systemControls(in.Pod, first)
		first = false
		definitions = append(definitions, d)
	}
	if kept {
		definitions = append(definitions, keeper(in.Settings))
	}
	if needsRouter(in.Pod) {
		definitions = append(definitions, router(in))
	}
	return definitions
}

// ownContainers names the containers of the provider's own in a task with this layout.
func ownContainers(in Input, l layout) []string {
	var names []string
	if l.needsFiles(in) {
		names = append(names, podid.FilesName)
	}
	for _, v := range l.imageVolumes() {
		names = append(names, podid.ImageName(v.Name))
	}
	for _, c := range l.withDirs(in) {
		names = append(names, podid.DirsName(c.Name))
	}
	if needsKeeper(in.Pod) {
		names = append(names, podid.KeeperName)
	}
	if needsRouter(in.Pod) {
		names = append(names, podid.RouterName)
	}
	return names
}

// containerCount is how many containers a task with this layout has.
func containerCount(in Input, l layout) int {
	return len(in.Pod.Spec.InitContainers) + len(remaining(in.Pod)) + len(ownContainers(in, l))
}

// counted is a task's containers in words: "11 containers (1 init container, 9 containers, vk-files)".
func counted(in Input, l layout) string {
	parts := append([]string{plural(len(remaining(in.Pod)), "container")}, ownContainers(in, l)...)
	if inits := len(in.Pod.Spec.InitContainers); inits > 0 {
		parts = append([]string{plural(inits, "init container")}, parts...)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return plural(containerCount(in, l), "container") + " (" + strings.Join(parts, ", ") + ")"
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// passing makes a container that is over before others begin count as little beside them as ECS lets it.
func passing(d *ecstypes.ContainerDefinition) {
	d.Cpu, d.MemoryReservation = 0, nil
	if aws.ToInt32(d.Memory) > minContainerMiB {
		d.MemoryReservation = aws.Int32(minContainerMiB) // else the limit would count
	}
}

// fit lowers what the containers reserve of memory and CPU, the largest first, until their sum is not more than the
// task's: that of those that are there at the same time is not, or the pod as a whole asks for less (see needs), but ECS
// adds up all.
func fit(definitions []ecstypes.ContainerDefinition, size Size) {
	lower(definitions, size.MemoryMiB, minContainerMiB, reserved, func(d *ecstypes.ContainerDefinition, n int32) { d.MemoryReservation = &n })
	lower(definitions, size.CPUUnits, minContainerCPU, shares, func(d *ecstypes.ContainerDefinition, n int32) { d.Cpu = n })
}

func lower(definitions []ecstypes.ContainerDefinition, most int, least int32, of func(*ecstypes.ContainerDefinition) int32, set func(*ecstypes.ContainerDefinition, int32)) {
	excess := int32(-most)
	for i := range definitions {
		excess += of(&definitions[i])
	}
	for excess > 0 {
		largest := &definitions[0]
		for i := range definitions {
			if of(&definitions[i]) > of(largest) {
				largest = &definitions[i]
			}
		}
		before := of(largest)
		left := max(before-excess, least)
		if left >= before {
			return // nothing reserves more than the least
		}
		set(largest, left)
		excess -= before - left
	}
}

func shares(d *ecstypes.ContainerDefinition) int32 { return d.Cpu }

// reserved is what ECS counts of a container: its reservation, else its limit.
func reserved(d *ecstypes.ContainerDefinition) int32 {
	if d.MemoryReservation != nil {
		return *d.MemoryReservation
	}
	return aws.ToInt32(d.Memory)
}

// after is the dependency on the filled volumes and on the first n init containers: on their success, or of sidecars on
// what they have to have started. It names no time limit: without one ECS waits as long as they take.
func after(in Input, n int) []ecstypes.ContainerDependency {
	dependencies, l := filled(in), layoutOf(in)
	for _, v := range l.imageVolumes() {
		dependencies = append(dependencies, success(podid.ImageName(v.Name)))
	}
	for _, c := range l.withDirs(in) {
		dependencies = append(dependencies, success(podid.DirsName(c.Name)))
	}
	for i := range n {
		c := &in.Pod.Spec.InitContainers[i]
		dependency := success(c.Name)
		if isSidecar(c) {
			dependency.Condition = started(c)
		}
		dependencies = append(dependencies, dependency)
	}
	return dependencies
}

// started is what makes a sidecar one that has started: its startup probe, where that is its health check. ECS has no other.
func started(c *corev1.Container) ecstypes.ContainerCondition {
	if healthcheck.Of(c).Startup != nil {
		return ecstypes.ContainerConditionHealthy
	}
	return ecstypes.ContainerConditionStart
}

// startsUnseen finds the sidecars of the pod that have a startup probe which nobody waits for.
func startsUnseen(in Input, c *corev1.Container) []hit {
	if c.StartupProbe == nil || !isSidecarOf(in.Pod, c) || started(c) == ecstypes.ContainerConditionHealthy {
		return nil
	}
	return []hit{{}}
}

// hookUnseen finds those with a postStart hook, for which nobody waits.
func hookUnseen(in Input, c *corev1.Container) []hit {
	if lifecycle(c).PostStart == nil || isCommand(lifecycle(c).PostStart) || !isSidecarOf(in.Pod, c) {
		return nil
	}
	return []hit{{}}
}

// isSidecarOf tells whether a container is one of the pod's sidecars.
func isSidecarOf(pod *corev1.Pod, c *corev1.Container) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(init corev1.Container) bool { return init.Name == c.Name && isSidecar(&init) })
}

// filled is the dependency on the volumes that the provider fills from what it has.
func filled(in Input) []ecstypes.ContainerDependency {
	if !needsFiles(in) {
		return nil
	}
	return []ecstypes.ContainerDependency{success(podid.FilesName)}
}

func success(container string) ecstypes.ContainerDependency {
	return ecstypes.ContainerDependency{ContainerName: aws.String(container), Condition: ecstypes.ContainerConditionSuccess}
}

// environmentOf is that of a container by name; a pod's names are each given once.
func environmentOf(in Input, container string) podenv.Container {
	i := slices.IndexFunc(in.Environment.Containers, func(c podenv.Container) bool { return c.Name == container })
	if i < 0 {
		return podenv.Container{Name: container}
	}
	return in.Environment.Containers[i]
}

package taskdef

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Size is a Fargate task size beside what the pod asked for.
type Size struct {
	CPUUnits           int // 1024 are one vCPU
	MemoryMiB          int
	StorageGiB         int // ephemeral storage; 0 is Fargate's default of 20 GiB
	RequestedCPUUnits  int
	RequestedMemoryMiB int
}

const (
	freeStorageGiB   = 20  // developer guide: Fargate task ephemeral storage
	minStorageGiB    = 21  // the smallest ephemeralStorage that can be asked for; API reference: EphemeralStorage
	maxStorageGiB    = 200 // API reference: EphemeralStorage
	minContainerMiB  = 6   // the least memory of a container; API reference: ContainerDefinition
	minContainerCPU  = 2   // the least CPU shares that Linux knows; API reference: ContainerDefinition
	largestCPUUnits  = 32768
	largestMemoryMiB = 244 * 1024

	// More than any machine has is counted as this, so that no sum overflows.
	mostCPUs  = 1 << 20
	mostBytes = 1 << 50
)

// cells are the sizes Fargate has (developer guide: Task CPU and memory; those from 8192 units on need
// Linux and platform version 1.4.0).
var cells = map[int][]int{
	256:             {512, 1024, 2048},
	512:             gibibytes(1, 4, 1),
	1024:            gibibytes(2, 8, 1),
	2048:            gibibytes(4, 16, 1),
	4096:            gibibytes(8, 30, 1),
	8192:            gibibytes(16, 60, 4),
	16384:           gibibytes(32, 120, 8),
	largestCPUUnits: {60 * 1024, 120 * 1024, largestMemoryMiB},
}

func gibibytes(from, to, step int) []int {
	var memoryMiB []int
	for gib := from; gib <= to; gib += step {
		memoryMiB = append(memoryMiB, gib*1024)
	}
	return memoryMiB
}

// cheapest returns the cheapest cell that holds both amounts, the smaller one of two that cost the same;
// false if no cell does.
func cheapest(cpuUnits, memoryMiB int, prices Prices) (Size, bool) {
	var best Size
	for cellCPU, memories := range cells {
		at := slices.IndexFunc(memories, func(m int) bool { return m >= memoryMiB })
		if cellCPU < cpuUnits || at < 0 {
			continue
		}
		candidate := Size{CPUUnits: cellCPU, MemoryMiB: memories[at]}
		order := cmp.Or(cmp.Compare(candidate.HourlyUSD(prices), best.HourlyUSD(prices)), cmp.Compare(cellCPU, best.CPUUnits))
		if best == (Size{}) || order < 0 {
			best = candidate
		}
	}
	return best, best != Size{}
}

// sizeError says which field makes a size impossible.
type sizeError struct {
	field, problem string
	at             string // the field itself, where it is another than the row's
}

// size is the pod's Fargate size: the one its annotation names, else the cheapest that fits.
func size(pod *corev1.Pod, settings Settings) (Size, *sizeError) {
	need := needs(pod, settings)
	chosen, fits := cheapest(need.RequestedCPUUnits, need.RequestedMemoryMiB, pricesOf(pod, settings))
	if annotation, ok := pod.Annotations[AnnotationSize]; ok {
		var problem string
		if chosen, problem = annotated(strings.TrimSpace(annotation), need); problem != "" {
			return need, &sizeError{field: fieldSize, problem: problem}
		}
	} else if !fits {
		tooMuch := &sizeError{field: fieldResources, problem: fmt.Sprintf("%d CPU units and %d MiB of memory in all", need.RequestedCPUUnits, need.RequestedMemoryMiB)}
		if cpu, memory := asWhole(pod); cpu && need.RequestedCPUUnits > largestCPUUnits || memory && need.RequestedMemoryMiB > largestMemoryMiB {
			tooMuch.at = "spec.resources"
		}
		return need, tooMuch
	}
	if need.StorageGiB > maxStorageGiB {
		return need, &sizeError{field: fieldStorage, problem: fmt.Sprintf("%d GiB in all", need.StorageGiB)}
	}
	need.CPUUnits, need.MemoryMiB = chosen.CPUUnits, chosen.MemoryMiB
	return need, nil
}

// annotated reads the size an annotation asks for; problem is empty if Fargate has it and the pod fits in.
func annotated(text string, need Size) (chosen Size, problem string) {
	cpuText, memoryText, _ := strings.Cut(text, "/")
	cpuUnits, errCPU := strconv.Atoi(cpuText)
	memoryMiB, errMemory := strconv.Atoi(memoryText)
	memories := cells[cpuUnits]
	switch {
	case errCPU != nil || errMemory != nil:
		return Size{}, fmt.Sprintf("%q is not CPU units/MiB such as 1024/4096", text)
	case memories == nil:
		return Size{}, fmt.Sprintf("Fargate has no size of %d CPU units, only of 256, 512, 1024, 2048, 4096, 8192, 16384 and 32768", cpuUnits)
	case !slices.Contains(memories, memoryMiB):
		return Size{}, fmt.Sprintf("Fargate has no %d MiB for %d CPU units, only %s", memoryMiB, cpuUnits, listed(memories))
	case cpuUnits < need.RequestedCPUUnits || memoryMiB < need.RequestedMemoryMiB:
		return Size{}, fmt.Sprintf("the pod needs %d CPU units and %d MiB", need.RequestedCPUUnits, need.RequestedMemoryMiB)
	}
	return Size{CPUUnits: cpuUnits, MemoryMiB: memoryMiB}, ""
}

func listed(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// amounts are what containers need together.
type amounts struct{ cpu, memory, storage int64 } // thousandths of a CPU unit, MiB, bytes

func (a amounts) plus(b amounts) amounts {
	return amounts{a.cpu + b.cpu, a.memory + b.memory, a.storage + b.storage}
}

func (a amounts) atLeast(b amounts) amounts {
	return amounts{max(a.cpu, b.cpu), max(a.memory, b.memory), max(a.storage, b.storage)}
}

// amountsOf a container: CPU by requests, memory and storage by the larger of request and limit.
func amountsOf(c *corev1.Container, settings Settings) amounts {
	r := &c.Resources
	return amounts{cpuOf(r, settings), max(requestedMiB(r, settings), limitMiB(r)), storageBytes(r)}
}

// defaultsFor are the node's for containers that ask for nothing, but of what the pod asks for as a whole.
func defaultsFor(pod *corev1.Pod, settings Settings) Settings {
	cpu, memory := asWhole(pod)
	if cpu {
		settings.DefaultMilliCPU = 0
	}
	if memory {
		settings.DefaultMemoryMiB = 0
	}
	return settings
}

// asWhole tells what the pod asks for as a whole.
func asWhole(pod *corev1.Pod) (cpu, memory bool) {
	if pod.Spec.Resources == nil {
		return false, false
	}
	_, cpu = asked(pod.Spec.Resources, corev1.ResourceCPU)
	_, memory = asked(pod.Spec.Resources, corev1.ResourceMemory)
	return cpu, memory
}

// needs is what the pod asks for, overhead included: what it asks for as a whole, else what its containers do.
func needs(pod *corev1.Pod, settings Settings) Size {
	all := ofContainers(pod, defaultsFor(pod, settings))
	cpu, memory := asWhole(pod)
	if r := pod.Spec.Resources; cpu {
		all.cpu = cpuOf(r, Settings{})
	}
	if r := pod.Spec.Resources; memory { // ECS refuses a limit above the task's memory
		all.memory = max(requestedMiB(r, Settings{}), limitMiB(r), largestLimitMiB(pod))
	}
	all = all.plus(amounts{cpu: thousandths(pod.Spec.Overhead[corev1.ResourceCPU]), memory: mebibytes(pod.Spec.Overhead[corev1.ResourceMemory]), storage: overheadBytes(pod)})
	// What the containers ask for includes their volumes, which may hold more than there is: see disksAboveStorage.
	all.storage = max(all.storage, min(limitsOfVolumes(pod)+overheadBytes(pod), maxStorageGiB<<30))
	if needsRouter(pod) {
		all.memory += routerMiB
	}
	need := Size{RequestedCPUUnits: int((all.cpu + 999) / 1000), RequestedMemoryMiB: int(all.memory)}
	if gib := int((all.storage + 1<<30 - 1) >> 30); gib > freeStorageGiB {
		need.StorageGiB = max(gib, minStorageGiB)
	}
	return need
}

// ofContainers is what all containers and sidecars need together or, where that is more, what one init container needs
// beside the sidecars before it.
func ofContainers(pod *corev1.Pod, settings Settings) amounts {
	var sidecars, most amounts
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		// An init container that asks for nothing may have what the others will.
		beside := sidecars.plus(amountsOf(c, Settings{}))
		if isSidecar(c) {
			sidecars = sidecars.plus(amountsOf(c, settings))
			beside = sidecars
		}
		most = most.atLeast(beside)
	}
	all := sidecars
	for i := range pod.Spec.Containers {
		all = all.plus(amountsOf(&pod.Spec.Containers[i], settings))
	}
	return all.atLeast(most)
}

func largestLimitMiB(pod *corev1.Pod) (most int64) {
	eachContainer(pod, func(c *corev1.Container, _ string) { most = max(most, limitMiB(&c.Resources)) })
	return most
}

// cpuOf is what a container asks for, in thousandths of an ECS unit: by its request, else its limit, else the node's default.
func cpuOf(r *corev1.ResourceRequirements, settings Settings) int64 {
	if q, ok := asked(r, corev1.ResourceCPU); ok {
		return thousandths(q)
	}
	return int64(settings.DefaultMilliCPU) * 1024
}

func requestedMiB(r *corev1.ResourceRequirements, settings Settings) int64 {
	if q, ok := asked(r, corev1.ResourceMemory); ok {
		return atLeast(mebibytes(q))
	}
	return atLeast(int64(settings.DefaultMemoryMiB))
}

func limitMiB(r *corev1.ResourceRequirements) int64 {
	return atLeast(mebibytes(r.Limits[corev1.ResourceMemory]))
}

func storageBytes(r *corev1.ResourceRequirements) int64 {
	of := func(list corev1.ResourceList) int64 {
		return capped(list[corev1.ResourceEphemeralStorage], mostBytes).Value()
	}
	return max(of(r.Requests), of(r.Limits))
}

// asked is the request, else the limit, as the API server too fills in a missing request.
func asked(r *corev1.ResourceRequirements, name corev1.ResourceName) (resource.Quantity, bool) {
	if q, ok := r.Requests[name]; ok {
		return q, true
	}
	q, ok := r.Limits[name]
	return q, ok
}

// atLeast raises an amount of memory to what a container must have; nothing stays nothing.
func atLeast(memoryMiB int64) int64 {
	if memoryMiB <= 0 {
		return 0
	}
	return max(memoryMiB, minContainerMiB)
}

// thousandths is an amount of CPU in thousandths of an ECS unit.
func thousandths(q resource.Quantity) int64 { return capped(q, mostCPUs).MilliValue() * 1024 }

// mebibytes rounds up.
func mebibytes(q resource.Quantity) int64 { return (capped(q, mostBytes).Value() + 1<<20 - 1) >> 20 }

func capped(q resource.Quantity, most int64) *resource.Quantity {
	if q.CmpInt64(most) > 0 {
		return resource.NewQuantity(most, resource.DecimalSI)
	}
	return &q
}

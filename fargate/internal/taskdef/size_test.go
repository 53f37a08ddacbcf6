package taskdef_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// resources are a container's, each empty for what it does not ask.
type resources struct{ cpu, memory, cpuLimit, memoryLimit string }

func (r resources) container(name string) corev1.Container {
	return corev1.Container{Name: name, Image: "busybox", Resources: corev1.ResourceRequirements{
		Requests: quantities(r.cpu, r.memory), Limits: quantities(r.cpuLimit, r.memoryLimit)}}
}

func quantities(cpu, memory string) corev1.ResourceList {
	list := corev1.ResourceList{}
	if cpu != "" {
		list[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		list[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	return list
}

func podOf(containers ...resources) *corev1.Pod {
	pod := barePod()
	pod.Spec.Containers = nil
	for i, r := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, r.container(string(rune('a'+i))))
	}
	return pod
}

func TestSize(t *testing.T) {
	for name, test := range map[string]struct {
		why        string
		containers []resources
		annotation string
		want       taskdef.Size
	}{
		"the walkthrough's pod": {
			why:        "CPU by request, memory by limit: the limit of 500m must not buy a second quarter of a vCPU",
			containers: []resources{{"250m", "256Mi", "500m", "1000Mi"}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 1024, RequestedCPUUnits: 256, RequestedMemoryMiB: 1000},
		},
		"a pod that asks for nothing": {
			why:        "it gets the smallest size there is",
			containers: []resources{{}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 512},
		},
		"ten containers of 100m": {
			why:        "units are rounded once, over the sum: ten times 102.4 are 1024, not 1030",
			containers: []resources{{cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}, {cpu: "100m"}},
			want:       taskdef.Size{CPUUnits: 1024, MemoryMiB: 2048, RequestedCPUUnits: 1024},
		},
		"one thousandth above a quarter": {
			why:        "251m are 257.02 units: rounded up, never down",
			containers: []resources{{cpu: "251m"}},
			want:       taskdef.Size{CPUUnits: 512, MemoryMiB: 1024, RequestedCPUUnits: 258},
		},
		"one byte above 512 MiB": {
			why:        "memory is rounded up too",
			containers: []resources{{memory: "536870913"}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 1024, RequestedMemoryMiB: 513},
		},
		"a limit alone": {
			why:        "it is the request, as the API server would fill it in",
			containers: []resources{{cpuLimit: "1", memoryLimit: "2Gi"}},
			want:       taskdef.Size{CPUUnits: 1024, MemoryMiB: 2048, RequestedCPUUnits: 1024, RequestedMemoryMiB: 2048},
		},
		"much memory and no CPU": {
			why:        "31 GiB need a size of 8 vCPU",
			containers: []resources{{memory: "31Gi"}},
			want:       taskdef.Size{CPUUnits: 8192, MemoryMiB: 32768, RequestedMemoryMiB: 31744},
		},
		"the largest of all": {
			why:        "32 vCPU with 244 GB are in the developer guide's table",
			containers: []resources{{cpu: "32", memory: "244Gi"}},
			want:       taskdef.Size{CPUUnits: 32768, MemoryMiB: 249856, RequestedCPUUnits: 32768, RequestedMemoryMiB: 249856},
		},
		"a larger size by annotation": {
			why:        "the owner knows better",
			containers: []resources{{cpu: "250m"}},
			annotation: "2048/16384",
			want:       taskdef.Size{CPUUnits: 2048, MemoryMiB: 16384, RequestedCPUUnits: 256},
		},
		"a size by annotation, with blanks": {
			why:        "all annotations are read without them",
			annotation: " 512/1024 ",
			containers: []resources{{}},
			want:       taskdef.Size{CPUUnits: 512, MemoryMiB: 1024},
		},
		"less memory than a container can have": {
			why:        "ECS gives no container less than 6 MiB",
			containers: []resources{{memory: "1Mi"}, {memory: "1Mi"}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 512, RequestedMemoryMiB: 12},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(test.containers...)
			if test.annotation != "" {
				pod.Annotations = map[string]string{taskdef.AnnotationSize: test.annotation}
			}
			got, err := translate(pod)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Size); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// What a pod asks for as a whole takes the place of its containers' sum, as for Kubernetes' scheduler.
func TestSizeOfThePodAsAWhole(t *testing.T) {
	for name, test := range map[string]struct {
		why        string
		whole      resources
		containers []resources
		want       taskdef.Size
	}{
		"requests, containers without": {
			why:        "the node's defaults are for pods that do not say",
			whole:      resources{cpu: "250m", memory: "512Mi"},
			containers: []resources{{}, {}, {}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 512, RequestedCPUUnits: 256, RequestedMemoryMiB: 512},
		},
		"a limit that containers share": {
			why:        "each may have all of it, but not at once",
			whole:      resources{memoryLimit: "2Gi"},
			containers: []resources{{memory: "512Mi", memoryLimit: "2Gi", cpu: "100m"}, {memory: "512Mi", memoryLimit: "2Gi", cpu: "100m"}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 2048, RequestedCPUUnits: 205, RequestedMemoryMiB: 2048},
		},
		"a request, and a container's limit above it": {
			why:        "ECS refuses a container with a limit above the task's memory",
			whole:      resources{memory: "512Mi"},
			containers: []resources{{memoryLimit: "1Gi", memory: "256Mi", cpu: "100m"}, {memory: "256Mi", memoryLimit: "512Mi", cpu: "100m"}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 1024, RequestedCPUUnits: 205, RequestedMemoryMiB: 1024},
		},
		"CPU alone": {
			why:        "what the pod does not name is the containers' sum, with the node's defaults",
			whole:      resources{cpu: "250m"},
			containers: []resources{{cpu: "200m"}, {cpuLimit: "1"}},
			want:       taskdef.Size{CPUUnits: 256, MemoryMiB: 512, RequestedCPUUnits: 256, RequestedMemoryMiB: 512},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(test.containers...)
			whole := test.whole.container("").Resources
			pod.Spec.Resources = &whole
			in, _ := resolved(pod, nodeSources())
			in.Settings.DefaultMilliCPU, in.Settings.DefaultMemoryMiB = 100, 256
			got, err := taskdef.Translate(in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Size); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
			if cpu, memory := counted(got); cpu > got.Size.CPUUnits || memory > got.Size.MemoryMiB {
				t.Errorf("containers have %d/%d in a task of %+v", cpu, memory, got.Size)
			}
		})
	}
}

func TestNoSizeOfThePodAsAWhole(t *testing.T) {
	pod := podOf(resources{})
	whole := resources{cpu: "33"}.container("").Resources
	pod.Spec.Resources = &whole
	_, err := translate(pod)
	if err == nil || !strings.HasPrefix(err.Error(), "spec.resources: 33792 CPU units and 0 MiB of memory in all: ") {
		t.Errorf("error %v does not name the pod's own resources", err)
	}
}

// counted is what ECS counts of the containers.
func counted(translation taskdef.Translation) (cpuUnits, memoryMiB int) {
	for _, c := range translation.Definition.ContainerDefinitions {
		reserved := c.MemoryReservation
		if reserved == nil {
			reserved = c.Memory
		}
		cpuUnits, memoryMiB = cpuUnits+int(c.Cpu), memoryMiB+int(ptr.Deref(reserved, 0))
	}
	return cpuUnits, memoryMiB
}

func TestNoSize(t *testing.T) {
	const largest = "the largest Fargate size has 32768 CPU units (32 vCPU) and 249856 MiB (244 GiB); ask for less"
	for name, test := range map[string]struct {
		why        string
		resources  resources
		annotation string
		want       string
	}{
		"33 vCPU": {
			why:       "the largest size is named, so that the owner knows what to ask for",
			resources: resources{cpu: "33"},
			want:      "spec.containers[].resources: 33792 CPU units and 0 MiB of memory in all: " + largest,
		},
		"more memory than any machine has": {
			why:       "sums must not overflow into something small",
			resources: resources{memory: "8Ei", cpu: "900E"},
			want:      "spec.containers[].resources: 1073741824 CPU units and 1073741824 MiB of memory in all: " + largest,
		},
		"memory that the CPU does not go with": {
			why:        "the allowed amounts are named",
			annotation: "512/8192",
			want:       "metadata.annotations[fargate.virtual-kubelet.io/size]: Fargate has no 8192 MiB for 512 CPU units, only 1024, 2048, 3072, 4096: the pod has no Fargate size; choose one that Fargate has and that holds the pod, or remove the annotation",
		},
		"CPU that Fargate does not have": {
			why:        "1000 is Kubernetes' way to count",
			annotation: "1000/2048",
			want:       "metadata.annotations[fargate.virtual-kubelet.io/size]: Fargate has no size of 1000 CPU units, only of 256, 512, 1024, 2048, 4096, 8192, 16384 and 32768: the pod has no Fargate size; choose one that Fargate has and that holds the pod, or remove the annotation",
		},
		"a size too small for the pod": {
			why:        "ECS would refuse it with less to say",
			resources:  resources{cpu: "1"},
			annotation: "512/1024",
			want:       "metadata.annotations[fargate.virtual-kubelet.io/size]: the pod needs 1024 CPU units and 0 MiB: the pod has no Fargate size; choose one that Fargate has and that holds the pod, or remove the annotation",
		},
		"no numbers": {
			why:        "the form is shown",
			annotation: "large",
			want:       `metadata.annotations[fargate.virtual-kubelet.io/size]: "large" is not CPU units/MiB such as 1024/4096: the pod has no Fargate size; choose one that Fargate has and that holds the pod, or remove the annotation`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(test.resources)
			if test.annotation != "" {
				pod.Annotations = map[string]string{taskdef.AnnotationSize: test.annotation}
			}
			_, err := translate(pod)
			if taskdef.AsUnsupported(err) == nil {
				t.Fatalf("error %v, want an *UnsupportedError", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// The chosen cell holds what is asked for, and no other that does is cheaper.
func TestCheapestAgainstBruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 4_000 {
		cpuUnits, memoryMiB := random.IntN(34_000), random.IntN(260_000)
		prices := taskdef.Prices{VCPU: random.Float64(), MemoryGB: random.Float64()}
		got, fits := taskdef.Cheapest(cpuUnits, memoryMiB, prices)

		any := false
		for cellCPU, memories := range taskdef.Cells {
			for _, cellMemory := range memories {
				if cellCPU < cpuUnits || cellMemory < memoryMiB {
					continue
				}
				any = true
				cell := taskdef.Size{CPUUnits: cellCPU, MemoryMiB: cellMemory}
				if cell.HourlyUSD(prices) < got.HourlyUSD(prices) {
					t.Fatalf("%d/%d at %+v: chose %+v, but %+v is cheaper", cpuUnits, memoryMiB, prices, got, cell)
				}
			}
		}
		if any != fits || fits && (got.CPUUnits < cpuUnits || got.MemoryMiB < memoryMiB) {
			t.Fatalf("%d/%d: chose %+v (fits: %t), a cell exists: %t", cpuUnits, memoryMiB, got, fits, any)
		}
	}
}

// What ECS checks of the containers' settings holds for any mixture of requests and limits.
func TestContainersFitTheirTask(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	amounts := []string{"", "1m", "33m", "100m", "250m", "1", "1500m"}
	memories := []string{"", "1Mi", "100Mi", "1G", "3Gi"}
	for range 400 {
		var containers []resources
		for range 1 + random.IntN(10) {
			r := resources{cpu: amounts[random.IntN(len(amounts))], memory: memories[random.IntN(len(memories))]}
			if random.IntN(2) == 0 {
				r.memoryLimit = memories[random.IntN(len(memories))]
			}
			containers = append(containers, r)
		}
		pod := podOf(containers...)
		for i := range random.IntN(3) { // of the containers, some come before the others
			if len(pod.Spec.Containers) > 1 {
				pod.Spec.InitContainers = append(pod.Spec.InitContainers, pod.Spec.Containers[0])
				pod.Spec.InitContainers[i].Name = "init-" + pod.Spec.Containers[0].Name
				pod.Spec.Containers = pod.Spec.Containers[1:]
			}
		}
		if random.IntN(2) == 0 {
			whole := resources{cpu: amounts[random.IntN(len(amounts))], memory: memories[random.IntN(len(memories))], memoryLimit: memories[random.IntN(len(memories))]}.container("")
			pod.Spec.Resources = &whole.Resources
		}
		translation, err := translate(pod)
		if err != nil {
			continue
		}
		cpu, memory := counted(translation)
		for _, c := range translation.Definition.ContainerDefinitions {
			if c.Memory != nil && c.MemoryReservation != nil && *c.Memory <= *c.MemoryReservation {
				t.Fatalf("%+v: limit %d is not above reservation %d", containers, *c.Memory, *c.MemoryReservation)
			}
		}
		if cpu > translation.Size.CPUUnits || memory > translation.Size.MemoryMiB {
			t.Fatalf("%+v: containers have %d/%d in a task of %+v", containers, cpu, memory, translation.Size)
		}
	}
}

func TestHourlyUSD(t *testing.T) {
	got := taskdef.Size{CPUUnits: 1024, MemoryMiB: 2048, StorageGiB: 30}.HourlyUSD(taskdef.Prices{})
	if want := 0.04048 + 2*0.004445 + 10*0.000111; !cmp.Equal(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })) {
		t.Errorf("1 vCPU, 2 GiB and 10 GiB of paid storage cost %f, want %f", got, want)
	}
}

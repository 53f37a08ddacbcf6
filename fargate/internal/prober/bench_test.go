package prober_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

// BenchmarkIdle tells what 1,000 pods with three probes each take up while they wait.
func BenchmarkIdle(b *testing.B) {
	const pods = 1000
	list := make([]*corev1.Pod, pods)
	for i := range list {
		list[i] = podOf(get("/start", 10), get("/live", 10), get("/ready", 10))
		list[i].UID = types.UID(fmt.Sprint(i))
	}
	now := prober.Running{IP: "10.0.0.1", Containers: map[string]prober.Container{"web": {ID: "1", StartedAt: time.Now(), Started: true}}}
	for b.Loop() {
		before := heap()
		p := prober.New(prober.Config{})
		for _, pod := range list {
			p.Watch(pod, now)
		}
		b.ReportMetric(float64(heap()-before)/(3*pods), "B/probe")
		runtime.KeepAlive(p)
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkWatchAgain is what a change of a pod's status costs that is none for its probes.
func BenchmarkWatchAgain(b *testing.B) {
	p := prober.New(prober.Config{})
	pod, now := podOf(get("/start", 10), get("/live", 10), get("/ready", 10)), running("1")
	b.ReportAllocs()
	for b.Loop() {
		p.Watch(pod, now)
	}
}

package fargate_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// site answers HTTP at every address, with the status that is set. Its zero value refuses connections.
type site struct {
	status atomic.Int64
	mu     sync.Mutex // guards asked
	asked  []string   // paths
	agent  string     // that asked last
}

func (s *site) dial(context.Context, string, string) (net.Conn, error) {
	if s == nil || s.status.Load() == 0 {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		if request, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
			s.mu.Lock()
			s.asked, s.agent = append(s.asked, request.URL.Path), request.UserAgent()
			s.mu.Unlock()
			_, _ = fmt.Fprintf(far, "HTTP/1.1 %d told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", s.status.Load())
		}
	}()
	return near, nil
}

// count is how often a path was asked for.
func (s *site) count(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		if asked == path {
			n++
		}
	}
	return n
}

// lastAgent is who asked last.
func (s *site) lastAgent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agent
}

func get(path string) *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: 10, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3,
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(80), Scheme: corev1.URISchemeHTTP}}}
}

func unready(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && condition(pod, corev1.PodReady) == corev1.ConditionFalse && container(pod).State.Running != nil
}

func TestReadinessProbe(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.site = &site{}
		w.start()
		pod := nginx("web")
		pod.Spec.Containers[0].ReadinessProbe = get("/ready")
		w.create(pod)
		w.awaitPod("web", "running, and not ready", unready)
		w.site.status.Store(200)
		w.awaitPod("web", "ready", running)
		if got := w.site.lastAgent(); got != "kube-probe/1.36" {
			t.Errorf("user agent %q", got)
		}
		w.site.status.Store(503)
		w.awaitPod("web", "not ready any more", unready)
		if told := w.told("Unhealthy"); len(told) == 0 || !strings.Contains(told[len(told)-1], "Readiness probe failed: HTTP probe failed with statuscode: 503") {
			t.Errorf("events %v", told)
		}
		w.site.status.Store(200)
		ready := w.awaitPod("web", "ready", running)
		w.stopProvider()
		w.start()
		time.Sleep(time.Minute) // on the bubble's clock: a restart of the daemon is no news
		if got := w.pod("default", "web"); !running(got) || container(got).RestartCount != 0 || got.Status.PodIP != ready.Status.PodIP {
			t.Errorf("after a restart of the daemon: %+v", got.Status)
		}
		w.remove("web")
	})
}

func TestLivenessProbe(t *testing.T) {
	t.Run("Always: the task is started anew", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.site = &site{}
			w.site.status.Store(200)
			w.start()
			pod := nginx("web")
			pod.Spec.Containers[0].LivenessProbe = get("/alive")
			w.create(pod)
			w.awaitPod("web", "running", running)
			w.site.status.Store(500)
			w.awaitPod("web", "between tasks", func(pod *corev1.Pod) bool { return container(pod).LastTerminationState.Terminated != nil })
			w.site.status.Store(200)
			got := w.awaitPod("web", "running again", func(pod *corev1.Pod) bool { return running(pod) && container(pod).RestartCount == 1 })
			if told := w.told("Killing"); len(told) == 0 || !strings.Contains(told[0], "Container nginx failed liveness probe, will be restarted") {
				t.Errorf("events %v", told)
			}
			if tasks, active := len(w.sim.Tasks()), len(w.active()); tasks != 2 || active != 1 {
				t.Errorf("%d tasks, %d of them active, status %+v", tasks, active, got.Status)
			}
		})
	})
	t.Run("Never: the pod has failed", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.site = &site{}
			w.site.status.Store(500)
			w.start()
			pod := job("work", "work", corev1.RestartPolicyNever)
			pod.Spec.Containers[0].LivenessProbe = get("/alive")
			w.create(pod)
			w.awaitPod("work", "failed", phase(corev1.PodFailed))
			if told := w.told("Killing"); len(told) == 0 || !strings.Contains(told[0], "failed liveness probe") || strings.Contains(told[0], "restarted") {
				t.Errorf("nothing is restarted here, events %v", told)
			}
		})
	})
}

// Another's pod may have the address by then.
func TestWhatEndedUnseenIsNotProbed(t *testing.T) {
	lost := func(end *corev1.ContainerStateTerminated) bool {
		return end != nil && end.Reason == "ContainerStatusUnknown"
	}
	for policy, given := range map[corev1.RestartPolicy]func(*corev1.Pod) bool{
		corev1.RestartPolicyNever:  func(pod *corev1.Pod) bool { return lost(container(pod).State.Terminated) },
		corev1.RestartPolicyAlways: func(pod *corev1.Pod) bool { return lost(container(pod).LastTerminationState.Terminated) },
	} {
		t.Run(string(policy), func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.site = &site{}
				w.site.status.Store(200)
				w.start()
				pod := nginx("web")
				pod.Spec.RestartPolicy = policy
				pod.Spec.Containers[0].LivenessProbe = get("/alive")
				w.create(pod)
				w.awaitPod("web", "running", running)
				w.sim.NoCapacity(1000)
				w.sim.Break("DescribeTasks", fargatesim.Fault{Error: &fargatesim.Error{Code: "InvalidParameterException", Message: "The referenced task was not found."}})
				w.awaitPod("web", "given up", given)
				before := w.site.count("/alive")
				w.site.status.Store(500)
				time.Sleep(2 * time.Minute) // on the bubble's clock
				if after, told := w.site.count("/alive"), w.told("Killing"); before == 0 || after != before || len(told) > 0 {
					t.Errorf("%d probes after its end, %d before, and told %q", after-before, before, told)
				}
			})
		})
	}
}

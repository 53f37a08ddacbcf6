package fargate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// nginx is a pod of the walkthrough's Deployment.
func nginx(name string) *corev1.Pod {
	quantity := resource.MustParse
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "default", Labels: map[string]string{"app": "nginx", "pod-template-hash": "5d59d67564"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "nginx-5d59d67564", UID: "replicaset-uid", Controller: ptr.To(true),
			}},
		},
		Spec: corev1.PodSpec{
			NodeName: "virtual-kubelet", RestartPolicy: corev1.RestartPolicyAlways, TerminationGracePeriodSeconds: ptr.To[int64](30),
			Containers: []corev1.Container{{
				Name: "nginx", Image: "nginx:1.7.9", ImagePullPolicy: corev1.PullIfNotPresent,
				Ports: []corev1.ContainerPort{{ContainerPort: 80, Protocol: corev1.ProtocolTCP}},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: quantity("250m"), corev1.ResourceMemory: quantity("256Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceCPU: quantity("500m"), corev1.ResourceMemory: quantity("1000Mi")},
				},
			}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}

// job is a pod of a Job: it runs to its end.
func job(name, image string, policy corev1.RestartPolicy) *corev1.Pod {
	pod := nginx(name)
	pod.OwnerReferences[0].APIVersion, pod.OwnerReferences[0].Kind, pod.OwnerReferences[0].Name = "batch/v1", "Job", "job"
	pod.Spec.RestartPolicy = policy
	pod.Spec.Containers[0].Image = image
	return pod
}

func running(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && condition(pod, corev1.PodReady) == corev1.ConditionTrue && pod.Status.PodIP != ""
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.ConditionStatus {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return ""
}

func container(pod *corev1.Pod) corev1.ContainerStatus {
	if len(pod.Status.ContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return pod.Status.ContainerStatuses[0]
}

func waitsFor(reason string) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool {
		waiting := container(pod).State.Waiting
		return waiting != nil && waiting.Reason == reason
	}
}

func phase(phase corev1.PodPhase) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool { return pod.Status.Phase == phase }
}

// active are the tasks that ECS means to run.
func (w *world) active() (tasks []ecstypes.Task) {
	for _, task := range w.sim.Tasks() {
		if aws.ToString(task.DesiredStatus) == "RUNNING" {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

func TestPodBecomesTaskAndGoesWithIt(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		pod := w.awaitPod("web", "running", running)
		if got := container(pod); !strings.HasPrefix(got.ContainerID, "ecs://"+pod.Annotations["fargate.virtual-kubelet.io/task-arn"]+"/") || got.RestartCount != 0 || !got.Ready {
			t.Errorf("container status %+v", got)
		}
		if got, want := pod.Annotations["fargate.virtual-kubelet.io/capacity-provisioned"], "0.25vCPU 1GB"; got != want {
			t.Errorf("capacity %q, want %q", got, want)
		}
		if pod.Status.HostIP != "10.0.0.4" || pod.Status.StartTime == nil {
			t.Errorf("host %q, start time %v", pod.Status.HostIP, pod.Status.StartTime)
		}
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
		w.await("the pod to be forgotten", func() bool {
			known, _ := w.provider.GetPod(w.Context(), "default", "web")
			return known == nil
		})
	})
}

func TestTwentyReplicasShareOneDefinition(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		names := make([]string, 20)
		for i := range names {
			names[i] = "web-" + string(rune('a'+i))
			w.create(nginx(names[i]))
		}
		for _, name := range names {
			w.awaitPod(name, "running", running)
		}
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 1 {
			t.Errorf("%d definitions registered for one template", got)
		}
		w.stopProvider()
		w.start()
		w.create(nginx("late"))
		w.awaitPod("late", "running", running)
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 1 {
			t.Errorf("%d definitions registered, the second after a restart", got)
		}
		updated := nginx("updated")
		updated.Spec.Containers[0].Image = "nginx:1.9.1"
		w.create(updated)
		w.awaitPod("updated", "running", running)
		w.create(nginx("rolled-back"))
		w.awaitPod("rolled-back", "running", running)
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 2 {
			t.Errorf("%d definitions registered for two templates, one of them rolled back to", got)
		}
	})
}

func TestRestartFindsEveryTaskAgain(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays, Lag: fargatesim.Lag{Describe: 2 * time.Second, List: 5 * time.Second}}, func(w *world) {
		w.start()
		w.create(nginx("running"))
		w.awaitPod("running", "running", running)
		w.create(nginx("launching"))
		w.await("the second task", func() bool { return len(w.sim.Tasks()) == 2 })
		w.stopProvider() // killed with a launch in the air, which ListTasks does not show yet
		w.start()
		w.awaitPod("running", "running", running)
		w.awaitPod("launching", "running", running)
		if got := len(w.sim.Tasks()); got != 2 {
			t.Errorf("%d tasks for 2 pods", got)
		}
	})
}

func TestJobThatEndedWhileWeWereDownIsReportedAndNotRunAgain(t *testing.T) {
	for code, want := range map[int]corev1.PodPhase{0: corev1.PodSucceeded, 3: corev1.PodFailed} {
		script := fargatesim.Exits(code, 30*time.Second)
		tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"work": script}}}, func(w *world) {
			w.start()
			w.create(job("work", "work", corev1.RestartPolicyNever))
			w.awaitPod("work", "running", running)
			w.stopProvider()
			if _, err := w.sim.AwaitTask(w.Context(), func(task ecstypes.Task) bool { return aws.ToString(task.LastStatus) == "STOPPED" }); err != nil {
				t.Fatal(err)
			}
			w.start()
			pod := w.awaitPod("work", "over", phase(want))
			if got := container(pod).State.Terminated; got == nil || got.ExitCode != int32(code) {
				t.Errorf("state %+v, want exit code %d", container(pod).State, code)
			}
			if got := len(w.sim.Tasks()); got != 1 {
				t.Errorf("%d tasks for one pod", got)
			}
		})
	}
}

func TestCrashingContainerIsRestartedWithBackOff(t *testing.T) {
	crash := fargatesim.Exits(1, time.Second)
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"crash": crash}}}, func(w *world) {
		w.start()
		w.create(job("crash", "crash", corev1.RestartPolicyOnFailure))
		pod := w.awaitPod("crash", "restarted twice", func(pod *corev1.Pod) bool { return container(pod).RestartCount == 2 })
		if last := container(pod).LastTerminationState.Terminated; last == nil || last.ExitCode != 1 {
			t.Errorf("last state %+v, want exit code 1", container(pod).LastTerminationState)
		}
		w.awaitPod("crash", "in back-off", waitsFor("CrashLoopBackOff"))
		w.stopProvider()
		w.start()
		w.awaitPod("crash", "restarted a third time, after a restart of the daemon", func(pod *corev1.Pod) bool { return container(pod).RestartCount == 3 })
		w.remove("crash")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

func TestImageThatCannotBePulledIsTriedAgain(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.FailPull("nginx:1.7.9", "pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:1.7.9: not found")
		w.create(nginx("web"))
		pod := w.awaitPod("web", "in back-off", waitsFor("ImagePullBackOff"))
		if pod.Status.Phase != corev1.PodPending || !strings.Contains(container(pod).State.Waiting.Message, "nginx:1.7.9") {
			t.Errorf("status %+v", pod.Status)
		}
		w.await("three attempts", func() bool { return len(w.sim.Tasks()) >= 3 })
		w.sim.FailPull("nginx:1.7.9", "")
		pod = w.awaitPod("web", "running", running)
		if got := container(pod).RestartCount; got != 0 {
			t.Errorf("restart count %d for a container that never ran before", got)
		}
	})
}

func TestMissingConfigMapHoldsThePodUntilItAppears(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		pod := nginx("web")
		pod.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
		w.create(pod)
		waiting := w.awaitPod("web", "waiting", waitsFor("CreateContainerConfigError"))
		if got, want := container(waiting).State.Waiting.Message, `configmap "settings" not found`; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
		time.Sleep(time.Minute) // on the bubble's clock: the operator is slow
		_, err := w.client.CoreV1().ConfigMaps("default").Create(w.Context(),
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"COLOUR": "blue"}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.awaitPod("web", "running", running)
	})
}

func TestLaunchTroubleDelaysAndNeverDoubles(t *testing.T) {
	throttled := fargatesim.Fault{Error: &fargatesim.Error{Code: "ThrottlingException", Message: "Rate exceeded"}}
	broken := fargatesim.Fault{Error: &fargatesim.Error{Code: "ServerException", Message: "Service Unavailable. Please try again later.", Status: 500}}
	for trouble, cause := range map[string]func(*fargatesim.Server){
		"throttles":                           func(s *fargatesim.Server) { s.Inject("RunTask", 7, throttled) },
		"5xx":                                 func(s *fargatesim.Server) { s.Inject("RunTask", 7, broken) },
		"no capacity":                         func(s *fargatesim.Server) { s.NoCapacity(3) },
		"replies lost after the task started": func(s *fargatesim.Server) { s.Inject("RunTask", 4, fargatesim.Fault{Lose: true}) },
		"replies cut in the middle":           func(s *fargatesim.Server) { s.Inject("RunTask", 4, fargatesim.Fault{Truncate: true}) },
		"connections refused":                 func(s *fargatesim.Server) { s.Inject("", 12, fargatesim.Fault{Refuse: true}) },
	} {
		t.Run(trouble, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				cause(w.sim)
				w.create(job("work", "nginx", corev1.RestartPolicyNever))
				pod := w.awaitPod("work", "running", running)
				if got := len(w.sim.Tasks()); got != 1 {
					t.Errorf("%d tasks for one pod", got)
				}
				if got := container(pod).RestartCount; got != 0 {
					t.Errorf("restart count %d", got)
				}
			})
		})
	}
}

func TestCapacityFailureIsShownOnThePod(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.NoCapacity(100)
		w.create(nginx("web"))
		pod := w.awaitPod("web", "told", waitsFor("InsufficientFargateCapacity"))
		if got := container(pod).State.Waiting.Message; !strings.Contains(got, "Capacity is unavailable at this time") {
			t.Errorf("message %q lacks AWS's words", got)
		}
		if got := w.told("InsufficientFargateCapacity"); len(got) != 1 {
			t.Errorf("events %q, want one for one trouble", got)
		}
	})
}

func TestPodDeletedWhileItIsLaunchedLeavesNothing(t *testing.T) {
	slow := fargatesim.Fault{Delay: 5 * time.Second}
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		w.sim.Inject("RunTask", 1, slow)
		w.create(nginx("web"))
		w.await("RunTask under way", func() bool { return w.sim.Calls("RunTask") == 1 })
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

func TestDeletionOutlastsAWS(t *testing.T) {
	down := fargatesim.Fault{Refuse: true}
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		pod := w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.sim.Break("", down)
		deadline := time.Now().Add(3 * time.Minute) // well past the grace period
		for time.Now().Before(deadline) {
			if w.provider.Terminate(w.Context(), pod.UID) {
				t.Fatal("the pod was let go while its task runs")
			}
			time.Sleep(time.Second)
		}
		w.sim.Mend()
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

func TestForceDeletedPodIsStillStopped(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.vanish("web")
		w.await("the stop", func() bool { return len(w.active()) == 0 })
	})
}

func TestTaskWhosePodWentWhileWeWereDownIsStopped(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		_ = w.pods.Delete(w.pod("default", "web"))
		w.start()
		w.await("the stop of the orphan", func() bool { return len(w.active()) == 0 })
	})
}

func TestPodsOfNamespacesThatAreNotListedAreLeftAlone(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		_ = w.pods.Delete(w.pod("default", "web")) // started anew for another namespace, it does not see this one
		w.namespace = "other"
		w.start()
		time.Sleep(10 * time.Minute) // on the bubble's clock: several looks for orphans
		if got := len(w.active()); got != 1 {
			t.Errorf("%d tasks run, want that of the pod that is not listed", got)
		}
	})
}

func TestTaskStoppedBySomebodyElse(t *testing.T) {
	for name, story := range map[string]struct {
		policy corev1.RestartPolicy
		want   func(*corev1.Pod) bool
	}{
		"Always: the pod runs again": {corev1.RestartPolicyAlways, func(pod *corev1.Pod) bool { return running(pod) && container(pod).RestartCount == 1 }},
		"Never: the pod has failed": {corev1.RestartPolicyNever, func(pod *corev1.Pod) bool {
			return pod.Status.Phase == corev1.PodFailed && pod.Status.Reason == "TaskStopped"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				w.create(job("web", "nginx", story.policy))
				pod := w.awaitPod("web", "running", running)
				w.stopAs("an operator", pod.Annotations["fargate.virtual-kubelet.io/task-arn"])
				w.awaitPod("web", "dealt with", story.want)
			})
		})
	}
}

func TestDisruptionFailsThePodWithItsCondition(t *testing.T) {
	for reason, disrupt := range map[string]func(*fargatesim.Server, string) bool{
		"SpotInterruption":     (*fargatesim.Server).InterruptSpot,
		"TaskRetirement":       (*fargatesim.Server).Retire,
		"InfrastructureHealth": (*fargatesim.Server).LoseHost,
	} {
		t.Run(reason, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				w.create(nginx("web"))
				pod := w.awaitPod("web", "running", running)
				disrupt(w.sim, pod.Annotations["fargate.virtual-kubelet.io/task-arn"])
				pod = w.awaitPod("web", "failed", phase(corev1.PodFailed))
				if pod.Status.Reason != reason || condition(pod, corev1.DisruptionTarget) != corev1.ConditionTrue {
					t.Errorf("status %+v", pod.Status)
				}
			})
		})
	}
}

func TestForeignContainersAreNoneOfOurs(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.AddForeignContainer("aws-guardduty-agent-1a2b3")
		w.create(nginx("web"))
		pod := w.awaitPod("web", "running", running)
		if got := len(pod.Status.ContainerStatuses); got != 1 {
			t.Errorf("%d container statuses for one container", got)
		}
	})
}

func TestIdleDefinitionsGoAfterTheirKeepTime(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.TaskDefinitions.KeepTime = 30 * time.Second
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		time.Sleep(10 * time.Minute) // on the bubble's clock: a definition in use stays
		if got := w.activeDefinitions(); got != 1 {
			t.Errorf("%d active definitions while a pod uses one", got)
		}
		w.remove("web")
		w.await("the definition to go", func() bool { return w.activeDefinitions() == 0 })
	})
}

func TestRefusedPods(t *testing.T) {
	privileged := func(pod *corev1.Pod) *corev1.Pod {
		pod.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
		return pod
	}
	t.Run("a bare one fails at once", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			bare := privileged(nginx("bare"))
			bare.OwnerReferences = nil
			w.create(bare)
			began := time.Now()
			pod := w.awaitPod("bare", "failed", phase(corev1.PodFailed))
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s", took)
			}
			if pod.Status.Reason != "UnsupportedPodSpec" || !strings.Contains(pod.Status.Message, "spec.containers[0].securityContext.privileged") {
				t.Errorf("status %+v", pod.Status)
			}
			if got := w.sim.Calls("RunTask") + w.sim.Calls("RegisterTaskDefinition"); got != 0 {
				t.Errorf("%d calls to ECS for a pod that cannot run", got)
			}
		})
	})
	t.Run("a ReplicaSet's fail ever more slowly", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			made := 0
			replace := func() { // what a ReplicaSet of two does
				for _, pod := range w.all() {
					if pod.Status.Phase == corev1.PodFailed {
						w.vanish(pod.Name)
					}
				}
				for len(w.all()) < 2 {
					made++
					w.create(privileged(nginx("web-" + string(rune('a'+made)))))
				}
			}
			for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(time.Second) {
				replace()
			}
			if made > 15 {
				t.Errorf("%d pods made in ten minutes, want at most 15", made)
			}
			pod := w.all()[0]
			if !waitsFor("UnsupportedPodSpec")(pod) {
				t.Errorf("status %+v, want Pending with the reason", pod.Status)
			}
		})
	})
}

func TestDaemonSetPods(t *testing.T) {
	agent := func(selector map[string]string) *corev1.Pod {
		pod := nginx("agent")
		pod.OwnerReferences[0].Kind, pod.OwnerReferences[0].Name = "DaemonSet", "agent"
		pod.Spec.NodeSelector = selector
		return pod
	}
	t.Run("ignored: no call to AWS, and the rollout is not held up", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.create(agent(nil))
			pod := w.awaitPod("agent", "left alone", waitsFor("NotRunOnFargate"))
			if condition(pod, corev1.PodReady) != corev1.ConditionTrue || pod.Status.PodIP != "" {
				t.Errorf("status %+v, want Ready and without an address", pod.Status)
			}
			w.remove("agent")
			if got := w.sim.Calls("RunTask"); got != 0 {
				t.Errorf("%d RunTask", got)
			}
		})
	})
	t.Run("one that selects virtual nodes runs", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.create(agent(map[string]string{"type": "virtual-kubelet"}))
			w.awaitPod("agent", "running", running)
		})
	})
}

func TestReadinessGateOfALoadBalancer(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		gated := nginx("web")
		gated.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: foreignCondition}}
		w.create(gated)
		w.awaitPod("web", "running and not ready", func(pod *corev1.Pod) bool {
			return condition(pod, corev1.ContainersReady) == corev1.ConditionTrue && condition(pod, corev1.PodReady) == corev1.ConditionFalse
		})
		opened := w.pod("default", "web").DeepCopy()
		opened.Status.Conditions = append(opened.Status.Conditions, corev1.PodCondition{Type: foreignCondition, Status: corev1.ConditionTrue})
		w.store(opened)
		w.provider.Observed(opened)
		w.awaitPod("web", "ready", running)
	})
}

func TestPodsBecomeReadyAgainAfterTheNodeWasSilent(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		silent := w.pod("default", "web").DeepCopy() // what the node lifecycle controller does
		for i := range silent.Status.Conditions {
			if silent.Status.Conditions[i].Type == corev1.PodReady {
				silent.Status.Conditions[i].Status = corev1.ConditionFalse
			}
		}
		w.store(silent)
		w.start()
		w.awaitPod("web", "ready again", running)
	})
}

func TestTwoDaemonsShareAnECSCluster(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		other := w.neighbour("other-node")
		other.start()
		other.create(nginx("web"))
		other.awaitPod("web", "running", running)
		time.Sleep(10 * time.Minute) // on the bubble's clock: several looks for orphans
		if got := len(w.active()); got != 2 {
			t.Errorf("%d tasks run, want one of each daemon", got)
		}
		other.remove("web")
		if got := len(w.active()); got != 1 {
			t.Errorf("%d tasks run, want that of the first daemon", got)
		}
		other.stopProvider()
	})
}

func TestEnvironmentTooLongForOverridesMovesIntoADefinition(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		pod := nginx("web")
		pod.Annotations = map[string]string{"long": strings.Repeat("x", 9000)}
		pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "LONG", ValueFrom: &corev1.EnvVarSource{
			FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations['long']"}}}}
		w.create(pod)
		w.awaitPod("web", "running", running)
		if got := w.told("FieldsNotApplied"); len(got) != 1 || !strings.Contains(got[0], "8,192") {
			t.Errorf("events %q, want one that names the limit", got)
		}
	})
}

func TestSubnetThatDoesNotExistStopsTheStart(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.Subnets = append(w.config.Subnets, "subnet-0ffffffffffffffff")
		_, err := w.open(w.Context())
		if err == nil || !strings.Contains(err.Error(), "subnet-0ffffffffffffffff") {
			t.Errorf("error %v, want one that names the subnet", err)
		}
	})
}

// counts reports whether a counter with these labels is above zero.
func counts(t *testing.T, registry *prometheus.Registry, name string, labels map[string]string) bool {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			matching := 0
			for _, label := range metric.GetLabel() {
				if labels[label.GetName()] == label.GetValue() {
					matching++
				}
			}
			if family.GetName() == name && matching == len(labels) && metric.GetCounter().GetValue() > 0 {
				return true
			}
		}
	}
	return false
}

func TestNodeTellsWhatAWSRefuses(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		registry := prometheus.NewRegistry()
		w.metrics = registry
		w.start()
		w.sim.Break("RunTask", fargatesim.Fault{Error: fargatesim.AccessDenied("ecs:RunTask")})
		w.create(nginx("web"))
		pod := w.awaitPod("web", "told", waitsFor("AWSAccessDenied"))
		if got := container(pod).State.Waiting.Message; !strings.Contains(got, "ecs:RunTask") {
			t.Errorf("message %q does not name the action", got)
		}
		w.await("the node's condition", func() bool {
			got := w.nodeCondition(fargate.ConditionFargate)
			return got.Status == corev1.ConditionFalse && strings.Contains(got.Message, "ecs:RunTask")
		})
		if !counts(t, registry, "virtual_kubelet_aws_calls_total", map[string]string{"operation": "RunTask", "code": "AccessDeniedException"}) {
			t.Error("the metrics do not count the denial")
		}
		w.sim.Mend()
		w.awaitPod("web", "running", running)
		w.await("the node's condition to clear", func() bool {
			return w.nodeCondition(fargate.ConditionFargate).Status == corev1.ConditionTrue
		})
	})
}

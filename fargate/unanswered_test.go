package fargate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// lost is a call whose answer never comes: what it asked for happens.
var lost = fargatesim.Fault{Lose: true}

// A StatefulSet's next pod of the name would meet this one's task.
func TestPodIsNotLetGoWhileItsLaunchIsUnanswered(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays, Lag: fargatesim.Lag{List: 20 * time.Second}}, func(w *world) {
		w.start()
		w.sim.Break("RunTask", lost)
		w.create(nginx("web"))
		w.awaitPod("web", "told", waitsFor("AWSUnreachable"))
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks run for a pod that was let go", len(left))
		}
	})
}

func TestPodWhoseUnansweredLaunchStartedNothingIsLetGo(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.Break("RunTask", fargatesim.Fault{Refuse: true})
		w.create(nginx("web"))
		w.awaitPod("web", "told", waitsFor("AWSUnreachable"))
		w.remove("web")
		if got := len(w.sim.Tasks()); got != 0 {
			t.Errorf("%d tasks", got)
		}
	})
}

// What Fargate cannot run does not run, but what it was before may.
func TestPodRefusedWhileItsLaunchIsUnansweredTakesItsTaskAlong(t *testing.T) {
	tell(t, fargatesim.Config{Lag: fargatesim.Lag{List: 20 * time.Second}}, func(w *world) {
		w.start()
		w.sim.Break("RunTask", lost)
		w.create(nginx("web"))
		w.awaitPod("web", "told", waitsFor("AWSUnreachable"))
		w.edit("web", func(pod *corev1.Pod) {
			pod.Annotations = map[string]string{"fargate.virtual-kubelet.io/size": "none"}
		})
		w.await("the refusal", func() bool { return len(w.told("UnsupportedPodSpec")) > 0 })
		time.Sleep(15 * time.Second) // on the bubble's clock: so long a refused pod is not failed, lest it be replaced at once
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks run for a pod that was let go", len(left))
		}
	})
}

// Once it is known that nothing runs, the refusal counts.
func TestPodRefusedAfterALaunchThatStartedNothingFails(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.Break("RunTask", fargatesim.Fault{Refuse: true})
		w.create(nginx("web"))
		w.awaitPod("web", "told", waitsFor("AWSUnreachable"))
		w.edit("web", func(pod *corev1.Pod) {
			pod.Annotations = map[string]string{"fargate.virtual-kubelet.io/size": "none"}
		})
		w.awaitPod("web", "told what is wrong", waitsFor("UnsupportedPodSpec"))
		w.awaitPod("web", "failed", func(pod *corev1.Pod) bool { return pod.Status.Reason == "UnsupportedPodSpec" })
	})
}

// Before the next process has launched it, nobody but the dead one knows of its task, and the lists are behind.
func TestPodDeletedRightAfterADeathInRunTaskTakesItsTaskAlong(t *testing.T) {
	k := &killer{last: lost}
	tell(t, fargatesim.Config{Lag: fargatesim.Lag{List: 20 * time.Second}, Fault: k.fault}, func(w *world) {
		w.dead = k.isDead
		w.start()
		k.arm(3) // a definition is looked for, registered, and run
		w.create(nginx("web"))
		for len(w.sim.Tasks()) == 0 {
			time.Sleep(time.Second) // on the bubble's clock
		}
		w.stopProvider()
		k.revive()
		w.begun = func() { w.remove("web") }
		w.start()
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks run for a pod that was let go", len(left))
		}
	})
}

// The orphan of an unanswered launch is no orphan: its pod waits for it.
func TestTaskOfAnUnansweredLaunchIsFoundByTheSweep(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.Break("RunTask", lost)
		w.create(job("work", "nginx", corev1.RestartPolicyNever))
		w.awaitPod("work", "running", running)
		time.Sleep(10 * time.Minute) // on the bubble's clock: several looks for orphans
		if tasks, left := len(w.sim.Tasks()), len(w.active()); tasks != 1 || left != 1 {
			t.Errorf("%d tasks, %d of them run, for one pod", tasks, left)
		}
	})
}

// RunTask tells of a token's stopped task only its ARN; that the rest is not to be had must not hide it.
func TestTaskStartedBeforeIsStoppedThoughItCannotBeDescribed(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.Break("DescribeTasks", fargatesim.Fault{Refuse: true})
		w.sim.Break("RunTask", lost)
		pod := nginx("web")
		w.create(pod)
		w.awaitPod("web", "told", waitsFor("AWSUnreachable"))
		changed := w.pod("default", "web").DeepCopy()
		changed.Labels["team"] = "blue" // a tag of the task: now the token conflicts
		w.store(changed)
		w.provider.Observed(changed)
		w.sim.Mend()
		w.sim.Break("DescribeTasks", fargatesim.Fault{Refuse: true})
		w.awaitPod("web", "joined", func(pod *corev1.Pod) bool { return pod.Annotations["fargate.virtual-kubelet.io/task-arn"] != "" })
		w.sim.Mend()
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

package fargate_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func (w *world) keepLogs() {
	w.config.ExecutionRoleARN, w.config.CloudWatchLogGroupName = executionRole, logGroup
}

// hello is an image that says so.
func hello(image string) *fargatesim.Scripted {
	return &fargatesim.Scripted{Images: map[string]fargatesim.Script{image: {Log: []string{"hello"}}}}
}

// Nobody knows when it ended. Who follows it must not ask CloudWatch Logs for ever.
func TestFollowingTheLogOfAMissingTaskEnds(t *testing.T) {
	tell(t, fargatesim.Config{Runtime: hello("work"), Retention: time.Minute}, func(w *world) {
		w.keepLogs()
		w.start()
		w.create(job("work", "work", corev1.RestartPolicyNever))
		pod := w.awaitPod("work", "running", running)
		w.stopProvider()
		w.stopAs("somebody", pod.Annotations[annotationTaskARN])
		time.Sleep(2 * time.Hour) // on the bubble's clock: ECS forgets the task
		w.start()
		w.awaitPod("work", "failed", phase(corev1.PodFailed))
		ctx, cancel := context.WithTimeout(w.Context(), 24*time.Hour)
		defer cancel()
		logs, err := w.provider.ContainerLogs(ctx, "default", "work", "nginx", &corev1.PodLogOptions{Follow: true})
		if err != nil {
			w.Fatal(err)
		}
		defer logs.Close()
		if text, err := io.ReadAll(logs); string(text) != "hello\n" || err != nil {
			w.Errorf("%q, %v after %d calls", text, err, w.sim.Calls("GetLogEvents"))
		}
	})
}

// late starts the container "second" three minutes after the first, as when its image is large.
type late struct{ fargatesim.Runtime }

type lateSandbox struct{ fargatesim.Sandbox }

func (r late) Sandbox(ctx context.Context, task fargatesim.TaskSpec) (fargatesim.Sandbox, error) {
	sandbox, err := r.Runtime.Sandbox(ctx, task)
	return lateSandbox{sandbox}, err
}

func (s lateSandbox) Start(ctx context.Context, c fargatesim.ContainerSpec) (fargatesim.Container, error) {
	if c.Name == "second" {
		time.Sleep(3 * time.Minute)
	}
	return s.Sandbox.Start(ctx, c)
}

// ECS tells when all containers of a task ran, not when each began.
func TestFirstLinesOfAContainerThatStartsBeforeTheOthers(t *testing.T) {
	tell(t, fargatesim.Config{Runtime: late{hello("first")}}, func(w *world) {
		w.keepLogs()
		w.start()
		pod := nginx("web")
		pod.Spec.Containers[0].Image, pod.Spec.Containers[0].Ports = "first", nil
		second := *pod.Spec.Containers[0].DeepCopy()
		second.Name, second.Image = "second", "second"
		pod.Spec.Containers = append(pod.Spec.Containers, second)
		w.create(pod)
		w.awaitPod("web", "running", running)
		if got := w.logOf("web"); got != "hello\n" {
			w.Errorf("log %q, want hello", got)
		}
	})
}

// The status in the API server says which task a pod had, though nobody has found that again yet.
func TestLogsBeforeRecovery(t *testing.T) {
	tell(t, fargatesim.Config{Runtime: hello("nginx")}, func(w *world) {
		w.keepLogs()
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		w.sim.Break("ListTasks", fargatesim.Fault{Refuse: true})
		time.AfterFunc(10*time.Minute, w.sim.Mend) // on the bubble's clock
		asked := make(chan error, 1)
		time.AfterFunc(5*time.Minute, func() {
			logs, err := w.provider.ContainerLogs(w.Context(), "default", "web", "nginx", &corev1.PodLogOptions{})
			if err == nil {
				err = logs.Close()
			}
			asked <- err
		})
		w.start()
		if err := <-asked; err != nil {
			w.Errorf("of a pod that runs (not found: %v): %v", errdefs.IsNotFound(err), err)
		}
	})
}

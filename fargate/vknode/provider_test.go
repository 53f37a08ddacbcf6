package vknode

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1listers "k8s.io/client-go/listers/core/v1"
)

// cloud is a provider with tasks that take time to start and to stop.
type cloud struct {
	provisioning, stopping time.Duration
	pods                   corev1listers.PodLister

	mu        sync.Mutex // guards all below
	tasks     map[types.UID]*task
	fails     map[string]int // errors still to come, by method
	notify    func(*corev1.Pod)
	nodeCb    func(*corev1.Node)
	observed  []string // namespace/name/resourceVersion
	deleted   []types.UID
	recovered chan struct{} // nil: recovers at once
}

type task struct {
	pod             *corev1.Pod
	stopping, ended bool
	running         bool
}

func newCloud() *cloud {
	return &cloud{provisioning: 100 * time.Millisecond, stopping: time.Second, tasks: map[types.UID]*task{}, fails: map[string]int{}}
}

func (c *cloud) fail(method string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails[method] > 0 {
		c.fails[method]--
		return errors.New("the cloud is down")
	}
	return nil
}

func (c *cloud) CreatePod(_ context.Context, pod *corev1.Pod) error {
	if err := c.fail("CreatePod"); err != nil {
		return err
	}
	c.mu.Lock()
	t := &task{pod: pod}
	c.tasks[pod.UID] = t
	c.mu.Unlock()
	c.report(t, corev1.PodPending, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}})
	time.AfterFunc(c.provisioning, func() {
		c.mu.Lock()
		runs := !t.stopping
		t.running = runs
		c.mu.Unlock()
		if runs {
			c.report(t, corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
		}
	})
	return nil
}

func (c *cloud) UpdatePod(context.Context, *corev1.Pod) error { return nil }

func (c *cloud) DeletePod(_ context.Context, pod *corev1.Pod) error {
	if err := c.fail("DeletePod"); err != nil {
		return err
	}
	c.mu.Lock()
	c.deleted = append(c.deleted, pod.UID)
	c.mu.Unlock()
	c.stop(pod.UID)
	return nil
}

func (c *cloud) Terminate(_ context.Context, uid types.UID) bool {
	return c.stop(uid)
}

// stop begins to stop the task and reports whether it has ended.
func (c *cloud) stop(uid types.UID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tasks[uid]
	if t == nil {
		return true
	}
	if !t.stopping {
		t.stopping = true
		time.AfterFunc(c.stopping, func() {
			c.mu.Lock()
			t.ended, t.running = true, false
			c.mu.Unlock()
			c.report(t, corev1.PodFailed, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 143}})
		})
	}
	return t.ended
}

func (c *cloud) report(t *task, phase corev1.PodPhase, state corev1.ContainerState) {
	pod := t.pod.DeepCopy()
	if cached, err := c.pods.Pods(pod.Namespace).Get(pod.Name); err == nil && cached.UID == pod.UID {
		pod = cached.DeepCopy()
	}
	pod.Status.Phase = phase
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: state}}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse})
	if phase == corev1.PodRunning {
		pod.Status.Conditions[len(pod.Status.Conditions)-1].Status = corev1.ConditionTrue
	}
	pod.Status.Conditions = lastOfEach(pod.Status.Conditions)
	c.send(pod)
}

func lastOfEach(all []corev1.PodCondition) []corev1.PodCondition {
	var kept []corev1.PodCondition
	for i, c := range all {
		if _, again := findCondition(all[i+1:], c.Type); !again {
			kept = append(kept, c)
		}
	}
	return kept
}

func (c *cloud) send(pod *corev1.Pod) {
	c.mu.Lock()
	notify := c.notify
	c.mu.Unlock()
	notify(pod)
}

func (c *cloud) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tasks {
		if t.pod.Namespace == namespace && t.pod.Name == name && !t.ended {
			return t.pod.DeepCopy(), nil
		}
	}
	return nil, errdefs.NotFound("no such task")
}

func (c *cloud) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	pod, err := c.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &pod.Status, nil
}

func (c *cloud) GetPods(context.Context) ([]*corev1.Pod, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var pods []*corev1.Pod
	for _, t := range c.tasks {
		pods = append(pods, t.pod.DeepCopy())
	}
	return pods, nil
}

func (c *cloud) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notify = notify
}

func (c *cloud) NotifyNodeStatus(_ context.Context, changed func(*corev1.Node)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodeCb = changed
}

func (c *cloud) Recover(ctx context.Context) error {
	if c.recovered == nil {
		return nil
	}
	select {
	case <-c.recovered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *cloud) Observed(pod *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observed = append(c.observed, pod.Namespace+"/"+pod.Name+"/"+pod.ResourceVersion)
}

// state is "none", "starting", "running", "stopping" or "ended".
func (c *cloud) state(uid types.UID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch t := c.tasks[uid]; {
	case t == nil:
		return "none"
	case t.ended:
		return "ended"
	case t.stopping:
		return "stopping"
	case t.running:
		return "running"
	default:
		return "starting"
	}
}

// leave adds a task of a pod that a former process has started.
func (c *cloud) leave(uid types.UID, name string) {
	c.tasks[uid] = &task{running: true, pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: uid}}}
}

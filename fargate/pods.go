package fargate

import (
	"context"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// CreatePod takes in a pod and returns at once; the launch queue does the rest. It never errs: an error
// would make virtual-kubelet mark a pod with restartPolicy Never as Failed for good.
func (p *Provider) CreatePod(_ context.Context, pod *corev1.Pod) error {
	p.supersede(pod)
	p.takeIn(pod, time.Time{})
	return nil
}

// takeIn remembers a pod that has no task and queues its launch. unanswered: since when it may have one that
// ECS does not show yet; zero: it has none.
func (p *Provider) takeIn(pod *corev1.Pod, unanswered time.Time) {
	j := &join{pod: pod, status: p.startingStatus(pod)}
	j.status = podstatus.Waiting(j.view(), podstatus.ReasonCreating, "waiting for its turn: AWS limits the rate of task launches")
	mode := p.daemonSetMode(pod)
	if mode == daemonSetIgnored {
		j.status = podstatus.NotRun(j.view())
	}
	if j.held = mode != daemonSetRuns; !j.held {
		j.unanswered = unanswered
	}
	if !p.joins.add(j) {
		return
	}
	p.changed(pod.UID)
	if j.held {
		p.tellDaemonSet(pod, mode)
		return
	}
	p.joins.update(pod.UID, p.watchDeadline)
	p.launches.Add(turnOf(pod))
}

// startingStatus is what a pod's status begins with here.
func (p *Provider) startingStatus(pod *corev1.Pod) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	if status.StartTime == nil {
		now := metav1.NewTime(time.Now().Truncate(time.Second))
		status.StartTime = &now
	}
	if ip := p.internalIP(); ip != "" {
		status.HostIP, status.HostIPs = ip, []corev1.HostIP{{IP: ip}}
	}
	return status
}

// supersede ends what still runs for older pods of the same name: their deletion was missed.
func (p *Provider) supersede(pod *corev1.Pod) {
	for _, older := range p.joins.named(pod.Namespace, pod.Name) {
		if older.pod.UID != pod.UID {
			p.end(older.pod.UID, true)
		}
	}
}

// UpdatePod takes in a changed object. A task cannot change: for another image there is another one
// (changed.go), and what else was launched stays.
func (p *Provider) UpdatePod(_ context.Context, pod *corev1.Pod) error {
	p.Observed(pod)
	return nil
}

// DeletePod ends a pod's task, in time. A pod whose object is gone is forgotten when that is done.
func (p *Provider) DeletePod(_ context.Context, pod *corev1.Pod) error {
	live, err := p.pods.Pods(pod.Namespace).Get(pod.Name)
	gone := err != nil || live.UID != pod.UID
	if !p.end(pod.UID, gone) {
		return errdefs.NotFoundf("pod %s/%s is not known here", pod.Namespace, pod.Name)
	}
	return nil
}

// GetPod answers from memory: the object of the API server's cache if we know its UID, else what we
// still end under that name. It is never rebuilt from a task, so virtual-kubelet finds no difference.
func (p *Provider) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	if live, err := p.pods.Pods(namespace).Get(name); err == nil {
		if j, ok := p.joins.get(live.UID); ok {
			return withStatus(live, j.status), nil
		}
		return nil, errdefs.NotFoundf("pod %s/%s is not known here", namespace, name)
	}
	for _, j := range p.joins.named(namespace, name) {
		return withStatus(j.pod, j.status), nil
	}
	return nil, errdefs.NotFoundf("pod %s/%s is not known here", namespace, name)
}

// GetPodStatus is the status of GetPod.
func (p *Provider) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	pod, err := p.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &pod.Status, nil
}

// GetPods are the pods that run or are meant to; those being deleted are left out.
func (p *Provider) GetPods(context.Context) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	for _, j := range p.joins.list(func(j *join) bool { return !j.deleting }) {
		pods = append(pods, withStatus(j.pod, j.status))
	}
	return pods, nil
}

// NotifyPods takes the callback for changed pods, and has told what was recovered before it came.
func (p *Provider) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	p.notifyPod.Store(&notify)
	for _, j := range p.joins.list(func(*join) bool { return true }) {
		p.changed(j.pod.UID)
	}
}

// Observed takes in a changed object: metadata for the next launch, readiness gates, and conditions of
// ours that somebody else has written. A pod to which somebody else has given its final phase is ended.
func (p *Provider) Observed(pod *corev1.Pod) {
	var failed bool
	known := p.joins.update(pod.UID, func(j *join) {
		p.hurryMended(j, pod)
		before := j.pod
		j.pod = pod
		p.tellResized(j, before)
		p.watchDeadline(j)
		p.restartChanged(j)
		failed = over(pod.Status.Phase) && !j.over
		if j.preStop != nil && !j.preStop.over { // its grace may have become shorter
			p.stops.Add(pod.UID)
		}
	})
	if failed {
		p.end(pod.UID, false)
	}
	if known {
		p.changed(pod.UID)
	}
}

// Terminate asks for the end of a pod's task and reports whether it has ended.
func (p *Provider) Terminate(_ context.Context, uid types.UID) bool {
	if !p.end(uid, false) {
		return true
	}
	j, ok := p.joins.get(uid)
	return !ok || j.ended
}

// changed has the pod's status sent.
func (p *Provider) changed(uid types.UID) { p.changes.Add(uid) }

func withStatus(pod *corev1.Pod, status corev1.PodStatus) *corev1.Pod {
	copied := pod.DeepCopy()
	copied.Status = *status.DeepCopy()
	return copied
}

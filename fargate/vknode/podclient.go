package vknode

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// errStillRunning is why a pod's object is not deleted yet. The core takes
// NotFound and Conflict for a pod that is gone; this is neither.
var errStillRunning = errors.New("the pod's task has not ended")

// reasonProviderFailed is the status reason that the core gives to a pod when
// its CreatePod or UpdatePod has erred (node/pod.go, handleProviderError).
const reasonProviderFailed = "ProviderFailed"

// podClients is the PodClient of the core, which deletes and writes pods
// through it and does nothing else.
type podClients struct {
	corev1client.PodsGetter
	latest      *latestPods
	annotations []string
	terminate   func(context.Context, types.UID) bool
}

func (c podClients) Pods(namespace string) corev1client.PodInterface {
	return podClient{PodInterface: c.PodsGetter.Pods(namespace), podClients: c}
}

type podClient struct {
	corev1client.PodInterface
	podClients
}

// Delete deletes the object at once only if nothing of the pod runs any more.
// The core asks for that as soon as no container is Running, which is so all
// the while a task is being provisioned, and at the end of the grace period
// without looking.
func (c podClient) Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error {
	atOnce := opts.GracePeriodSeconds != nil && *opts.GracePeriodSeconds == 0
	if atOnce && opts.Preconditions != nil && opts.Preconditions.UID != nil {
		if !c.terminate(ctx, *opts.Preconditions.UID) {
			return errStillRunning
		}
	}
	return c.PodInterface.Delete(ctx, name, opts)
}

// UpdateStatus patches what a kubelet owns of the status, where the core would
// put the whole object and with it old labels, annotations, finalizers and
// conditions of others. It makes no call if nothing differs, if the object
// under that name is another pod's, or if its phase is a last one.
func (c podClient) UpdateStatus(ctx context.Context, pod *corev1.Pod, _ metav1.UpdateOptions) (*corev1.Pod, error) {
	if pod.Status.Reason == reasonProviderFailed {
		// The core's own words, Failed for good with restartPolicy Never. What
		// a pod's status is, the provider says; the core tries it again.
		return pod, nil
	}
	current, err := c.latest.get(pod.Namespace, pod.Name)
	if err != nil {
		return nil, err // as it is: the core asks for NotFound and does not unwrap
	}
	if current.UID != pod.UID || ended(current) {
		return current, nil
	}
	patch, err := statusPatch(current, pod, c.annotations, metav1.Now())
	if err != nil {
		return nil, fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if patch == nil {
		return current, nil
	}
	patched, err := c.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return nil, err
	}
	c.latest.wrote(patched)
	return patched, nil
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

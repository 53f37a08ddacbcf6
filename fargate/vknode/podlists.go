package vknode

import (
	"encoding/json"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The lists of pods come from the API server's objects, never from the
// provider, which knows what the Secrets that they name contain.

// listPods answers /pods: the pods bound to this node, as the API server has
// them.
func (n *Node) listPods(w http.ResponseWriter, _ *http.Request) {
	n.writePods(w, func(pod *corev1.Pod) (corev1.Pod, bool) { return *pod, true })
}

// listRunningPods answers /runningpods/: those that run and are not being
// deleted, with as little of them as a kubelet shows there.
func (n *Node) listRunningPods(w http.ResponseWriter, _ *http.Request) {
	n.writePods(w, func(pod *corev1.Pod) (corev1.Pod, bool) {
		return outline(pod), pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil
	})
}

func (n *Node) writePods(w http.ResponseWriter, show func(*corev1.Pod) (corev1.Pod, bool)) {
	pods, err := n.latest.list()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{}}
	for _, pod := range pods {
		if shown, ok := show(pod); ok {
			list.Items = append(list.Items, shown)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(list) // the only error is a client that has gone
}

// outline is who the pod is and the images of its containers: what a kubelet
// learns from its container runtime.
func outline(pod *corev1.Pod) corev1.Pod {
	shown := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}}
	for _, c := range pod.Spec.Containers {
		shown.Spec.Containers = append(shown.Spec.Containers, corev1.Container{Name: c.Name, Image: c.Image})
	}
	return shown
}

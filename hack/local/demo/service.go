package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// sliceLimit is how long the EndpointSlice may lag behind the pods.
const sliceLimit = time.Minute

func (w *Walk) service(ctx context.Context) error {
	if err := w.manifest(ctx, "create", "nginx-service.yaml"); err != nil {
		return err
	}
	return w.checkService(ctx)
}

// checkService: the Service's endpoints are the pods of the Deployment, no more and no fewer.
func (w *Walk) checkService(ctx context.Context) error {
	what := "the EndpointSlice of Service nginx lists the pods' addresses"
	if err := stack.Until(ctx, sliceLimit, what, w.endpointsArePods); err != nil {
		return w.withPods(ctx, err)
	}
	_, err := w.kubectl(ctx, "get", "endpointslices", "-l", discoveryv1.LabelServiceName+"=nginx")
	return err
}

func (w *Walk) endpointsArePods(ctx context.Context) error {
	pods, err := w.pods(ctx, "app=nginx")
	if err != nil {
		return err
	}
	var want, got []string
	for _, pod := range pods {
		want = append(want, pod.Status.PodIP)
	}
	list, err := w.Stack.Kubernetes.DiscoveryV1().EndpointSlices(namespace).List(ctx,
		metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=nginx"})
	if err != nil {
		return err
	}
	for _, piece := range list.Items {
		for _, endpoint := range piece.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				got = append(got, endpoint.Addresses...)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("the pods are at %v, the ready endpoints at %v", want, got)
	}
	return nil
}

func (w *Walk) answersOld(ctx context.Context) error { return w.answers(ctx, "1.7.9") }

func (w *Walk) answersNew(ctx context.Context) error {
	if err := w.answers(ctx, "1.9.1"); err != nil {
		return err
	}
	return w.checkService(ctx)
}

// answers asks each pod for its page; real containers have one.
func (w *Walk) answers(ctx context.Context, version string) error {
	if w.Stack.Runtime != stack.Docker {
		w.say("SKIPPED: containers are only scripted, nothing answers HTTP (a Docker engine would make them real)")
		return nil
	}
	pods, err := w.pods(ctx, "app=nginx")
	if err != nil {
		return err
	}
	for _, pod := range pods {
		server, err := w.get(ctx, pod.Status.PodIP)
		if err != nil {
			return w.withPods(ctx, fmt.Errorf("pod %s: %w", pod.Name, err))
		}
		if server != "nginx/"+version {
			return fmt.Errorf("pod %s answers as %q, not as nginx/%s", pod.Name, server, version)
		}
	}
	return nil
}

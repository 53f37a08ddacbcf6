package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/pki"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// kubeletPort is where both suites look for a kubelet, whatever the node says of itself.
const kubeletPort = 10250

// standForVirtualKubelet makes what virtual-kubelet's suite expects: a namespace, and in it a pod that is the
// daemon, of the node's name, whose kubelet endpoint lets everybody in. The pod is on no node and has the
// node's address; what is asked of it at the kubelet's usual port is asked of the daemon with the API server's
// own credentials. The door is shut with r.door.Close.
func (r *runner) standForVirtualKubelet(ctx context.Context) error {
	if err := r.openDoor(ctx); err != nil {
		return fmt.Errorf("door to the kubelet endpoint: %w", err)
	}
	core := r.Kubernetes.CoreV1()
	if _, err := core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ours}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: r.Daemon.NodeName},
		Spec: corev1.PodSpec{
			SchedulerName: "nobody", // it is never scheduled
			Containers:    []corev1.Container{{Name: "virtual-kubelet", Image: "none"}},
		},
	}
	var made *corev1.Pod
	err := stack.Until(ctx, time.Minute, "a pod can be made in namespace "+ours, func(ctx context.Context) (err error) {
		made, err = core.Pods(ours).Create(ctx, pod, metav1.CreateOptions{}) // once there is a service account
		return err
	})
	if err != nil {
		return err
	}
	address := r.Site.Node.String()
	// A pod that has ended is not one that the scheduler owes a node; tests wait until there is none.
	made.Status.Phase, made.Status.PodIP, made.Status.PodIPs = corev1.PodSucceeded, address, []corev1.PodIP{{IP: address}}
	_, err = core.Pods(ours).UpdateStatus(ctx, made, metav1.UpdateOptions{})
	return err
}

func (r *runner) openDoor(ctx context.Context) error {
	node, err := r.Kubernetes.CoreV1().Nodes().Get(ctx, r.Daemon.NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	file := func(name string) string { return filepath.Join(r.Dir, "pki", name) }
	credentials, err := tls.LoadX509KeyPair(file("kubelet-client.crt"), file("kubelet-client.key"))
	if err != nil {
		return err
	}
	authority, err := pki.NewAuthority("door")
	if err != nil {
		return err
	}
	pair, err := authority.Server("door", r.Site.Node.String())
	if err != nil {
		return err
	}
	own, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(r.Site.Node.String(), strconv.Itoa(kubeletPort)))
	if err != nil {
		return err
	}
	at := net.JoinHostPort(r.Site.Node.String(), strconv.Itoa(int(node.Status.DaemonEndpoints.KubeletEndpoint.Port)))
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: at})
	// As the API server of this stack does: it asks for no proof of who the kubelet is.
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{credentials}, InsecureSkipVerify: true}}
	r.door.Handler, r.door.ErrorLog = proxy, log.New(io.Discard, "", 0) // who speaks no TLS here is told so, and no news
	secure := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{own}})
	go func() {
		if err := r.door.Serve(secure); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("conformance: the door to the kubelet endpoint is broken:", err)
		}
	}()
	return nil
}

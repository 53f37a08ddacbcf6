package vknode

import (
	"context"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// shutdownTime is how long the end is waited for: the core's lease controller
// may sleep up to 14 s without looking at its context.
const shutdownTime = 3 * time.Second

// Run is the node until ctx ends, which is no error; it returns a few seconds
// later at most. A port that cannot be listened on is an error at once. The
// node object, its lease and its pods stay as they are.
func (n *Node) Run(ctx context.Context, p Provider) error {
	cert, err := newCertificate(n.cfg)
	if err != nil {
		return err
	}
	door, err := newDoor(n.cfg, n.clients.reviews)
	if err != nil {
		return err
	}
	kubelet, err := listenKubelet(n.cfg.KubeletAddress, cert, door.certificates)
	if err != nil {
		return err
	}
	defer kubelet.Close()
	parts := []func(context.Context) error{door.run, func(ctx context.Context) error {
		return serve(ctx, kubelet, n.kubeletHandler(door, p), n.cfg.Log)
	}}
	if n.cfg.MetricsAddress != "" {
		metrics, err := listenMetrics(n.cfg.MetricsAddress)
		if err != nil {
			return err
		}
		defer metrics.Close()
		parts = append(parts, func(ctx context.Context) error {
			return serve(ctx, metrics, n.healthHandler(), n.cfg.Log)
		})
	}
	port := kubelet.Addr().(*net.TCPAddr).Port
	return n.runAll(ctx, append(parts, n.control(p, int32(port))...))
}

// control are the parts of Run without the servers.
func (n *Node) control(p Provider, kubeletPort int32) []func(context.Context) error {
	return []func(context.Context) error{
		n.runEvents,
		func(ctx context.Context) error {
			status := newNodeStatus(n.cfg.Node, kubeletPort, metav1.Now())
			p.NotifyNodeStatus(ctx, status.report)
			return newNodeControl(n.clients.node, status, n.cfg.Log).run(withCoreLog(ctx, n.cfg.Log, true))
		},
		func(ctx context.Context) error {
			return n.runPods(withCoreLog(ctx, n.cfg.Log, false), p)
		},
	}
}

// runAll runs the parts until ctx ends or one errs, and a little longer.
func (n *Node) runAll(ctx context.Context, parts []func(context.Context) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error { return part(groupCtx) })
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	<-groupCtx.Done()
	select {
	case <-ended:
	case <-time.After(shutdownTime):
		n.cfg.Log.Debug("not everything has ended in time")
	}
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(groupCtx)
}

func (n *Node) runEvents(ctx context.Context) error {
	n.events.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: n.clients.events.CoreV1().Events("")})
	<-ctx.Done()
	n.events.Shutdown()
	return nil
}

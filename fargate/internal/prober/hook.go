package prober

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Hook is a lifecycle hook of a container that runs.
type Hook struct {
	UID       types.UID
	IP        string // of the pod
	Container *corev1.Container
	Handler   *corev1.LifecycleHandler
	Since     time.Time // when it was due: a sleep counts from it, so that a daemon that starts again goes on with it
}

// CanCall reports whether Call carries out a handler: all but exec, which is not known here.
func CanCall(h *corev1.LifecycleHandler) bool {
	return h != nil && h.Exec == nil && (h.Sleep != nil || h.HTTPGet != nil || h.TCPSocket != nil)
}

// Call carries out a hook, by kubelet's rules, and returns when that is done or ctx ends. It has no limit of its own.
//
//	sleep      until the time has passed
//	httpGet    any answer will do, whatever its status, once it has ended; one in HTTP to a request in HTTPS is asked for again in HTTP
//	tcpSocket  a connection will do (kubelet fails these)
//
// The error says why it failed; it may hold what the container's author wrote, so that it belongs into no event.
func (p *Prober) Call(ctx context.Context, h Hook) error {
	ctx = context.WithValue(ctx, lineKey{}, &line{probe: ctx})
	t := target{uid: h.UID, ip: h.IP, container: h.Container}
	switch {
	case h.Handler.Sleep != nil:
		return sleepUntil(ctx, h.Since.Add(time.Duration(h.Handler.Sleep.Seconds)*time.Second))
	case h.Handler.HTTPGet != nil:
		return p.callHTTP(ctx, h.Handler.HTTPGet, t)
	case h.Handler.TCPSocket != nil:
		address, err := addressOf(h.Handler.TCPSocket.Host, h.Handler.TCPSocket.Port, t)
		if err != nil {
			return err
		}
		if a := p.network.tcpSocket(ctx, address); a.verdict != success {
			return errors.New(a.words)
		}
		return nil
	default:
		return errors.New("the hook has no handler that can be carried out from here")
	}
}

func sleepUntil(ctx context.Context, end time.Time) error {
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// callHTTP makes the request of a hook.
func (p *Prober) callHTTP(ctx context.Context, get *corev1.HTTPGetAction, t target) error {
	request, err := p.network.request(ctx, get, t, p.network.hookAgent)
	if err != nil {
		return err
	}
	err = p.network.send(request)
	if !isAnswerInHTTP(err) {
		return err
	}
	inHTTP := request.Clone(ctx)
	inHTTP.URL.Scheme = "http"
	inHTTP.Header.Del("Authorization")
	if p.network.send(inHTTP) != nil {
		return err
	}
	p.event(Event{UID: t.uid, Container: t.container.Name, Reason: ReasonHTTPFallback,
		Message: fmt.Sprintf("request to HTTPS lifecycle hook %s got HTTP response, retry with HTTP succeeded", request.URL.Host)})
	return nil
}

// maxHookBody is how much of an answer is waited for, as with kubelet: maxRespBodyLength in pkg/kubelet/lifecycle/handlers.go,
// where a longer answer is not waited for at all, and one that breaks off is an answer.
const maxHookBody = 10 << 10

// send makes a request to whose answer nobody listens. It is done when the answer has ended.
func (n *network) send(request *http.Request) error {
	client := http.Client{Transport: n.transport, CheckRedirect: sameHost}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.ContentLength <= maxHookBody { // or it is not known
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxHookBody))
	}
	return request.Context().Err()
}

// isAnswerInHTTP: the server does not speak TLS. net/http gives this error no type.
func isAnswerInHTTP(err error) bool {
	var fault *url.Error
	return errors.As(err, &fault) && strings.Contains(fault.Err.Error(), "server gave HTTP response to HTTPS client")
}

package prober

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// target is one probe to make.
type target struct {
	uid       types.UID
	kind      Kind
	ip        string // of the pod
	container *corev1.Container
	probe     *corev1.Probe
}

// outcome is what came of it.
type outcome struct {
	verdict   verdict // unknown: it could not be made
	message   string  // for people, in kubelet's words; "": nothing is to be told
	unreached bool    // nothing answered
}

// tries for a probe that could not be made, as kubelet's: maxProbeRetries in pkg/kubelet/prober.
const tries = 3

// maxMessage is how much of an answer is passed on. kubelet reads as much of a body.
const maxMessage = 10 << 10

// probe makes one probe, and words what came of it.
func (n *network) probe(ctx context.Context, t target) outcome {
	var a answer
	var err error
	for range tries {
		if a, err = n.ask(ctx, t); err == nil || ctx.Err() != nil {
			break
		}
	}
	said := outcome{verdict: a.verdict, unreached: a.unreached}
	switch {
	case err != nil:
		said.verdict = unknown
		said.message = fmt.Sprintf("%s probe errored and resulted in %s state: %s", t.kind, stateOf(a), err)
	case a.verdict == failure:
		said.message = fmt.Sprintf("%s probe failed: %s", t.kind, a.words)
	case a.words != "":
		said.message = fmt.Sprintf("%s probe warning: %s", t.kind, a.words)
	}
	said.message = strings.ToValidUTF8(cut(said.message), "\uFFFD")
	return said
}

// unhealthy is the outcome of a probe that ECS makes. It does not tell what the command wrote.
func (t target) unhealthy() outcome {
	return outcome{verdict: failure, message: fmt.Sprintf("%s probe failed: ECS reports the container as UNHEALTHY", t.kind)}
}

// stateOf is kubelet's word for how far a probe got that could not be made.
func stateOf(a answer) string {
	if a.verdict == failure {
		return "failure" // it was under way
	}
	return "unknown"
}

// cut leaves room for kubelet's words around an answer.
func cut(message string) string { return message[:min(len(message), maxMessage+100)] }

// event is what an outcome tells of the pod; its message is empty if that is nothing.
func (o outcome) event(t target) Event {
	reason := ReasonUnhealthy
	if o.verdict == success {
		reason = ReasonWarning
	}
	return Event{UID: t.uid, Container: t.container.Name, Reason: reason, Message: o.message, Unreached: o.unreached}
}

// failure is an outcome as the failure of a container.
func (o outcome) failure(kind Kind, probe *corev1.Probe) *Failure {
	f := &Failure{Kind: kind, Message: o.message, Unreached: o.unreached}
	if seconds := probe.TerminationGracePeriodSeconds; seconds != nil {
		f.Grace = time.Duration(*seconds) * time.Second
	}
	return f
}

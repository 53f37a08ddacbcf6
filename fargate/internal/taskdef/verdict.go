package taskdef

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Row is one line of the verdict table.
type Row struct {
	Field   string // spec.containers[].securityContext.privileged
	Case    string // the values it is about; empty: all that have no row of their own
	Verdict Verdict
	What    string // what happens, or why it cannot
	WayOut  string // what the pod's author can do; only of what is warned about or refused
}

// Verdicts is the whole table, in the order in which Kubernetes' API lists the fields.
func Verdicts() []Row {
	var rows []Row
	for _, r := range rules {
		rows = append(rows, r.Row)
	}
	return rows
}

// Check returns what the table has to say about the pod: all that is refused and all that is warned about,
// in the table's order. Of the environment it needs only what is there: values from Secrets are found in
// it, everything else in the pod itself.
func Check(in Input) []Finding {
	var findings []Finding
	for _, r := range rules {
		if r.find != nil {
			for _, h := range r.find(in) {
				findings = append(findings, r.finding(h))
			}
		}
	}
	return findings
}

// rule is a row and how to find the pods it speaks to. A nil find is a row that never raises its voice, or
// one that Translate applies itself.
type rule struct {
	Row
	find func(Input) []hit
}

// hit is one place in a pod that a rule speaks to.
type hit struct {
	init   bool   // it is of an init container
	at     []int  // an index for each [] of the field
	field  string // the field itself, instead of the row's with indexes; may be empty
	detail string // begins the message; may be empty
	what   string // instead of the row's; may be empty
}

var rules = slices.Concat(annotationRules, roleRules, askRules, podRules, podSecurityRules, volumeRules, imageVolumeRules, containerRules, environmentRules, containerSecurityRules)

// quiet is a rule for a field that is taken care of.
func quiet(field string, verdict Verdict, what string) rule {
	return rule{Row: Row{Field: field, Verdict: verdict, What: what}}
}

// quietCase is the same for some values of a field.
func quietCase(field, values string, verdict Verdict, what string) rule {
	return rule{Row: Row{Field: field, Case: values, Verdict: verdict, What: what}}
}

// loud is a rule that warns or refuses.
func loud(field, values string, verdict Verdict, what, wayOut string, find func(Input) []hit) rule {
	return rule{Row{Field: field, Case: values, Verdict: verdict, What: what, WayOut: wayOut}, find}
}

func (r rule) finding(h hit) Finding {
	field, message := cmp.Or(h.field, r.Field), cmp.Or(h.what, r.What)
	if h.init {
		field = strings.Replace(field, "spec.containers[]", "spec.initContainers[]", 1)
	}
	for _, i := range h.at {
		field = strings.Replace(field, "[]", fmt.Sprintf("[%d]", i), 1)
	}
	if h.detail != "" {
		message = h.detail + ": " + message
	}
	return Finding{Field: field, Verdict: r.Verdict, Message: message + "; " + r.WayOut}
}

// onPod finds a pod by its spec.
func onPod(holds func(*corev1.PodSpec) bool) func(Input) []hit {
	return func(in Input) []hit {
		if holds(&in.Pod.Spec) {
			return []hit{{}}
		}
		return nil
	}
}

// onContainers finds the containers that the condition holds for.
func onContainers(holds func(*corev1.Container) bool) func(Input) []hit {
	return inContainers(func(_ Input, c *corev1.Container) []hit {
		if holds(c) {
			return []hit{{}}
		}
		return nil
	})
}

// inContainers looks into each container, init containers first; what is found there gets the container's index.
func inContainers(find func(Input, *corev1.Container) []hit) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for _, list := range []struct {
			init       bool
			containers []corev1.Container
		}{{true, in.Pod.Spec.InitContainers}, {false, in.Pod.Spec.Containers}} {
			for i := range list.containers {
				for _, h := range find(in, &list.containers[i]) {
					hits = append(hits, hit{init: list.init, at: append([]int{i}, h.at...), detail: h.detail, what: h.what})
				}
			}
		}
		return hits
	}
}

// onPorts finds the ports of all containers that the condition holds for.
func onPorts(holds func(corev1.ContainerPort) bool) func(Input) []hit {
	return inContainers(func(_ Input, c *corev1.Container) []hit {
		var hits []hit
		for i, port := range c.Ports {
			if holds(port) {
				hits = append(hits, hit{at: []int{i}})
			}
		}
		return hits
	})
}

// details makes a hit of each text.
func details(texts []string) []hit {
	var hits []hit
	for _, text := range texts {
		hits = append(hits, hit{detail: text})
	}
	return hits
}

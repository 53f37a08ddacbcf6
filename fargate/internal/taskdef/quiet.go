package taskdef

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Quiet returns what the table says of the fields that a pod sets and that are taken care of: those mapped, emulated and
// accepted, in the table's order. Check has the others. Rows about some values of a field are left out, and those about
// containers are about init containers too.
func Quiet(pod *corev1.Pod) []Finding {
	var findings []Finding
	tree := treeOf(pod)
	for _, r := range rules {
		if r.WayOut != "" || r.Case != "" {
			continue
		}
		inInit := strings.Replace(r.Field, "spec.containers[]", "spec.initContainers[]", 1)
		fields := set(tree, "", r.Field)
		if inInit != r.Field {
			fields = append(set(tree, "", inInit), fields...)
		}
		for _, field := range fields {
			findings = append(findings, Finding{Field: field, Verdict: r.Verdict, Message: r.What})
		}
	}
	return findings
}

// treeOf is a pod as in a manifest.
func treeOf(pod *corev1.Pod) any {
	text, err := json.Marshal(pod)
	if err != nil {
		panic(err) // a pod comes from JSON
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		panic(err)
	}
	return tree
}

// set finds the places under a node that a row's field means and that hold something; path is the node's own.
func set(node any, path, field string) []string {
	if field == "" {
		if node == nil || node == "" {
			return nil
		}
		return []string{strings.TrimPrefix(path, ".")}
	}
	name, rest, _ := strings.Cut(field, ".")
	if key, isAnnotation := strings.CutPrefix(field, "annotations["); isAnnotation {
		name, rest = "annotations", ""
		annotations, _ := member(node, name).(map[string]any)
		return set(annotations[strings.TrimSuffix(key, "]")], path+"."+field, rest)
	}
	name, isList := strings.CutSuffix(name, "[]")
	if !isList {
		return set(member(node, name), path+"."+name, rest)
	}
	var found []string
	items, _ := member(node, name).([]any)
	for i, item := range items {
		found = append(found, set(item, fmt.Sprintf("%s.%s[%d]", path, name, i), rest)...)
	}
	return found
}

func member(node any, name string) any {
	object, _ := node.(map[string]any)
	return object[name]
}

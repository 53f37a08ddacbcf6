package manifest

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// token is one step of a field's path: a name, or an index or a key in brackets.
var token = regexp.MustCompile(`[^.\[\]]+|\[[^\]]*\]`)

// lineOf is the file's line of a field, or of what is nearest to it: a field that is missing has none.
func (d document) lineOf(field string) int {
	node, line := d.root(), d.line
	for _, step := range token.FindAllString(field, -1) {
		key, child := stepInto(node, step)
		if child == nil {
			break
		}
		node, line = child, d.line+key.Line-1
	}
	return line
}

// root is the document's node, empty if it is no YAML.
func (d document) root() *yaml.Node {
	var root yaml.Node
	if yaml.Unmarshal(d.text, &root) != nil || len(root.Content) == 0 {
		return &yaml.Node{}
	}
	return root.Content[0]
}

// lineOfValue is the file's line of the first value of a kind, bool or the like, at a path as encoding/json has it:
// without indexes and keys, and with the names of embedded structs. under is where the object stands.
func (d document) lineOfValue(under, path, kind string) int {
	node := d.root()
	for _, step := range token.FindAllString(under, -1) {
		if _, child := stepInto(node, step); child != nil {
			node = child
		}
	}
	if found := valueAt(node, token.FindAllString(path, -1), kind); found != nil {
		return d.line + found.Line - 1
	}
	return d.line
}

// valueAt finds the first value of a kind on a path; of two on one way the inner. nil: there is none.
func valueAt(node *yaml.Node, path []string, kind string) *yaml.Node {
	node = resolved(node)
	if node.Kind == yaml.MappingNode && len(path) > 0 {
		_, child := stepInto(node, path[0])
		switch {
		case child != nil:
			return valueAt(child, path[1:], kind)
		case path[0] != strings.ToLower(path[0][:1])+path[0][1:]:
			return valueAt(node, path[1:], kind) // an embedded struct's name
		}
		return nil
	}
	for _, child := range values(node) {
		if found := valueAt(child, path, kind); found != nil {
			return found
		}
	}
	if len(path) == 0 && kindOf(node) == kind {
		return node
	}
	return nil
}

// values are those in a list or a map.
func values(node *yaml.Node) []*yaml.Node {
	if node.Kind != yaml.MappingNode {
		return node.Content
	}
	var list []*yaml.Node
	for i := 1; i < len(node.Content); i += 2 {
		list = append(list, node.Content[i])
	}
	return list
}

// oldBool are words that YAML 1.1 takes for bools, by which Kubernetes reads, and YAML 1.2 for texts.
var oldBool = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$`)

// kindOf is a value's kind in the words of encoding/json.
func kindOf(node *yaml.Node) string {
	plain := node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	switch tag := node.ShortTag(); {
	case node.Kind == yaml.MappingNode:
		return "object"
	case node.Kind == yaml.SequenceNode:
		return "array"
	case tag == "!!bool", plain && oldBool.MatchString(node.Value):
		return "bool"
	case tag == "!!int", tag == "!!float":
		return "number"
	}
	return "string"
}

func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// stepInto returns what a step leads to, and the node where that begins; nil: to nothing.
func stepInto(node *yaml.Node, step string) (key, child *yaml.Node) {
	node = resolved(node)
	if step[0] == '[' {
		step = step[1 : len(step)-1]
	}
	switch node.Kind {
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	}
	return nil, nil
}

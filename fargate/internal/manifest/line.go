package manifest

import (
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// token is one step of a field's path: a name, or an index or a key in brackets.
var token = regexp.MustCompile(`[^.\[\]]+|\[[^\]]*\]`)

// lineOf is the file's line of a field, or of what is nearest to it: a field that is missing has none.
func (d document) lineOf(field string) int {
	var root yaml.Node
	if yaml.Unmarshal(d.text, &root) != nil || len(root.Content) == 0 {
		return d.line
	}
	node, line := root.Content[0], d.line
	for _, step := range token.FindAllString(field, -1) {
		key, child := stepInto(node, step)
		if child == nil {
			break
		}
		node, line = child, d.line+key.Line-1
	}
	return line
}

// stepInto returns what a step leads to, and the node where that begins; nil: to nothing.
func stepInto(node *yaml.Node, step string) (key, child *yaml.Node) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
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

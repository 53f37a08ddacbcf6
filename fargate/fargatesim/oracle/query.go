package oracle

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// form judges a request of the Query protocols: each parameter leads through the shapes to a scalar.
func (w *walk) form(op operation, body []byte, refused bool) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		w.deviates("request", "%v", err)
	}
	if refused {
		return
	}
	given := map[string]bool{}
	for name, values := range form {
		if name == "Action" || name == "Version" {
			continue
		}
		parts := strings.Split(name, ".")
		given[parts[0]] = true
		if op.Input == nil || len(values) != 1 {
			w.deviates("request."+name, "unknown or repeated parameter")
			continue
		}
		w.parameter(w.service.Shapes[op.Input.Shape], parts, values[0], "request."+name)
	}
	if op.Input != nil {
		s := w.service.Shapes[op.Input.Shape]
		for _, name := range s.Required {
			if !given[w.queryName(name, s.Members[name])] {
				w.deviates("request."+name, "required parameter is missing")
			}
		}
	}
}

// queryName is a member's name in a form: EC2 capitalizes what it calls otherwise in XML.
func (w *walk) queryName(name string, m member) string {
	if w.service.Metadata.Protocol != "ec2" {
		return firstOf(m.LocationName, name)
	}
	name = firstOf(m.QueryName, m.LocationName, name)
	return strings.ToUpper(name[:1]) + name[1:]
}

func firstOf(names ...string) string {
	return names[slices.IndexFunc(names, func(n string) bool { return n != "" })]
}

func (w *walk) parameter(s *shape, parts []string, value, path string) {
	switch {
	case s.Type == "structure" && len(parts) > 0:
		for name, m := range s.Members {
			if w.queryName(name, m) == parts[0] {
				w.parameter(w.service.Shapes[m.Shape], parts[1:], value, path)
				return
			}
		}
		w.deviates(path, "unknown parameter")
	case s.Type == "list":
		if w.service.Metadata.Protocol != "ec2" && !s.Flattened && len(parts) > 0 {
			parts = parts[1:] // "member"
		}
		if len(parts) == 0 || !isIndex(parts[0]) {
			w.deviates(path, "no index of a list")
			return
		}
		w.parameter(w.service.Shapes[s.Member.Shape], parts[1:], value, path)
	case len(parts) > 0:
		w.deviates(path, "a %s has no parts", s.Type)
	default:
		w.leaf(s, value, path)
	}
}

func isIndex(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0
}

// leaf judges a scalar that is written as text.
func (w *walk) leaf(s *shape, text, path string) {
	var err error
	switch s.Type {
	case "string":
		w.text(s, text, path)
	case "boolean":
		if text != "true" && text != "false" {
			w.deviates(path, "%q is no boolean", text)
		}
	case "integer", "long":
		_, err = strconv.ParseInt(text, 10, 64)
	case "float", "double":
		_, err = strconv.ParseFloat(text, 64)
	case "timestamp":
		_, err = time.Parse(time.RFC3339, text)
	default:
		w.deviates(path, "text for a %s", s.Type)
	}
	if err != nil {
		w.deviates(path, "%v", err)
	}
}

// element is an XML element of an answer.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

func (w *walk) xmlResponse(name string, op operation, body []byte, refused bool) {
	var root element
	if err := xml.Unmarshal(body, &root); err != nil {
		w.deviates("response", "%v", err)
		return
	}
	if refused {
		w.xmlError(root)
		return
	}
	if root.XMLName.Local != name+"Response" {
		w.deviates("response", "the root is %s", root.XMLName.Local)
	}
	members := root.Children
	if op.Output != nil && op.Output.ResultWrapper != "" {
		members = root.child(op.Output.ResultWrapper).Children
		if root.child("ResponseMetadata").child("RequestId").Text == "" {
			w.deviates("response", "no ResponseMetadata")
		}
	} else {
		members = slices.DeleteFunc(slices.Clone(members), func(e element) bool { return e.XMLName.Local == "requestId" })
		if len(members) == len(root.Children) {
			w.deviates("response", "no requestId")
		}
	}
	if op.Output != nil {
		w.elements(w.service.Shapes[op.Output.Shape], members, "response")
	}
}

// xmlError: each protocol has its own wrapping.
func (w *walk) xmlError(root element) {
	at, id := root, "RequestId"
	want := "ErrorResponse"
	if w.service.Metadata.Protocol == "ec2" {
		at, id, want = root.child("Errors"), "RequestID", "Response"
	}
	e := at.child("Error")
	if root.XMLName.Local != want || e.child("Code").Text == "" || e.child("Message").Text == "" || root.child(id).Text == "" {
		w.deviates("error", "it is not wrapped as the protocol says")
	}
}

func (e element) child(name string) element {
	for _, c := range e.Children {
		if c.XMLName.Local == name {
			return c
		}
	}
	return element{}
}

// elements judges the members of a structure.
func (w *walk) elements(s *shape, children []element, path string) {
	seen := map[string]bool{}
	for _, e := range children {
		name := e.XMLName.Local
		m, known := memberNamed(s, name)
		at := path + "." + name
		switch of := w.service.Shapes[m.Shape]; {
		case !known:
			w.deviates(at, "unknown element")
		case seen[name] && !of.Flattened:
			w.deviates(at, "is there twice")
		default:
			w.element(of, e, at)
		}
		seen[name] = true
	}
	for _, name := range s.Required {
		if !seen[firstOf(s.Members[name].LocationName, name)] {
			w.deviates(path+"."+name, "required element is missing")
		}
	}
}

func memberNamed(s *shape, element string) (member, bool) {
	for name, m := range s.Members {
		if firstOf(m.LocationName, name) == element {
			return m, true
		}
	}
	return member{}, false
}

func (w *walk) element(s *shape, e element, path string) {
	switch {
	case s.Type == "structure":
		w.elements(s, e.Children, path)
	case s.Type == "list" && !s.Flattened:
		for i, item := range e.Children {
			if item.XMLName.Local != firstOf(s.Member.LocationName, "member") {
				w.deviates(path, "a list of %s", item.XMLName.Local)
			}
			w.element(w.service.Shapes[s.Member.Shape], item, fmt.Sprintf("%s[%d]", path, i))
		}
	case s.Type == "list":
		w.element(w.service.Shapes[s.Member.Shape], e, path)
	default:
		w.leaf(s, strings.TrimSpace(e.Text), path)
	}
}

package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"unicode/utf8"
)

// jsonRequest judges a request, unless the answer refuses it: then its faults are the caller's intent.
func (w *walk) jsonRequest(op operation, body []byte, refused bool) {
	if refused {
		return
	}
	if value, ok := w.parse("request", body); ok && op.Input != nil {
		w.value(op.Input.Shape, value, "request")
	}
}

func (w *walk) jsonResponse(op operation, body []byte, refused bool) {
	value, ok := w.parse("response", body)
	switch {
	case !ok:
	case refused:
		w.jsonError(op, value)
	case op.Output != nil:
		w.value(op.Output.Shape, value, "response")
	default:
		if object, ok := value.(map[string]any); !ok || len(object) > 0 {
			w.deviates("response", "the operation answers nothing")
		}
	}
}

func (w *walk) parse(path string, body []byte) (any, bool) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, true
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		w.deviates(path, "%v", err)
		return nil, false
	}
	return value, true
}

// common are the errors that each service may give, and its model does not name (Common Errors in the API references,
// and those of the AWS JSON protocol itself).
var common = []string{
	"AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException", "MissingAuthenticationTokenException",
	"ServerException", "SerializationException", "ThrottlingException", "UnknownOperationException", "UnrecognizedClientException",
	"ValidationException",
}

func (w *walk) jsonError(op operation, value any) {
	object, _ := value.(map[string]any)
	code, _ := object["__type"].(string)
	members := maps.Clone(object)
	delete(members, "__type")
	for _, e := range op.Errors {
		if e.Shape != code {
			continue
		}
		if s := w.service.Shapes[code]; s != nil && len(s.Members) == 0 {
			break // CloudWatch Logs does not model the text, but AWS sends it: judged below
		}
		w.value(code, members, "error")
		return
	}
	modelled := slices.ContainsFunc(op.Errors, func(e member) bool { return e.Shape == code })
	if !modelled && !slices.Contains(common, code) {
		w.deviates("error", "the operation has no error %q", code)
		return
	}
	for name, text := range members {
		if _, ok := text.(string); !ok || name != "message" && name != "Message" {
			w.deviates("error."+name, "is not the text of an error")
		}
	}
}

// value judges a JSON value.
func (w *walk) value(shapeName string, value any, path string) {
	s := w.service.Shapes[shapeName]
	switch {
	case s == nil:
		w.deviates(path, "the model has no shape %s", shapeName)
	case value == nil:
		w.deviates(path, "is null")
	case s.Type == "structure":
		w.structure(s, value, path)
	case s.Type == "list":
		w.list(s, value, path)
	case s.Type == "map":
		w.mapping(s, value, path)
	default:
		w.scalar(s, value, path)
	}
}

func (w *walk) structure(s *shape, value any, path string) {
	object, ok := value.(map[string]any)
	if !ok {
		w.deviates(path, "%T is no structure", value)
		return
	}
	for name, item := range object {
		if m, known := s.Members[name]; known {
			w.value(m.Shape, item, path+"."+name)
		} else {
			w.deviates(path+"."+name, "unknown member")
		}
	}
	for _, name := range s.Required {
		if _, there := object[name]; !there {
			w.deviates(path+"."+name, "required member is missing")
		}
	}
}

func (w *walk) list(s *shape, value any, path string) {
	list, ok := value.([]any)
	if !ok {
		w.deviates(path, "%T is no list", value)
		return
	}
	w.amount(s, len(list), path)
	for i, item := range list {
		w.value(s.Member.Shape, item, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (w *walk) mapping(s *shape, value any, path string) {
	object, ok := value.(map[string]any)
	if !ok {
		w.deviates(path, "%T is no map", value)
		return
	}
	w.amount(s, len(object), path)
	for name, item := range object {
		w.value(s.Key.Shape, name, path+"."+name)
		w.value(s.Value.Shape, item, path+"."+name)
	}
}

func (w *walk) scalar(s *shape, value any, path string) {
	number, isNumber := value.(json.Number)
	text, isText := value.(string)
	_, isTruth := value.(bool)
	n, _ := number.Float64()
	switch s.Type {
	case "string":
		if w.is(isText, s, value, path) {
			w.text(s, text, path)
		}
	case "blob":
		_, err := base64.StdEncoding.DecodeString(text)
		w.is(isText && err == nil, s, value, path)
	case "boolean":
		w.is(isTruth, s, value, path)
	case "integer", "long":
		most := map[string]float64{"integer": math.MaxInt32, "long": math.MaxInt64}[s.Type]
		if w.is(isNumber && n == math.Trunc(n) && math.Abs(n) <= most, s, value, path) {
			w.size(s, n, path)
		}
	case "float", "double":
		w.is(isNumber, s, value, path)
	case "timestamp": // seconds since 1970: of this age, and not milliseconds
		w.is(isNumber && n > 0 && n < 1e10, s, value, path)
	default:
		w.deviates(path, "a %s in JSON", s.Type)
	}
}

func (w *walk) is(ok bool, s *shape, value any, path string) bool {
	if !ok {
		w.deviates(path, "%v (%T) is no %s", value, value, s.Type)
	}
	return ok
}

// text judges what a string says.
func (w *walk) text(s *shape, text, path string) {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		w.deviates(path, "%q is none of %v", text, s.Enum)
	}
	w.amount(s, utf8.RuneCountInString(text), path)
	if pattern, err := regexp.Compile(s.Pattern); err == nil && !pattern.MatchString(text) { // some need an engine with look-ahead
		w.deviates(path, "%q does not match %s", text, s.Pattern)
	}
}

func (w *walk) amount(s *shape, n int, path string) { w.size(s, float64(n), path) }

func (w *walk) size(s *shape, n float64, path string) {
	if s.Min != nil && n < *s.Min || s.Max != nil && n > *s.Max {
		w.deviates(path, "%v is not between the least and the most that the model allows", n)
	}
}

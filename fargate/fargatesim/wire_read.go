package fargatesim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The AWS JSON 1.1 protocol over the SDK's own structures: a member's name on the wire is the name of the field, with
// its first letter in lower case but for Secrets Manager. Reading is strict: an unknown member, another case, a wrong
// type or a repeated member is an error.

var (
	timeType = reflect.TypeFor[time.Time]()
	blobType = reflect.TypeFor[[]byte]()
)

// decode reads a request into the SDK's input structure that into points to. Its error is always an *Error.
func decode(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	value, err := readValue(d)
	if err != nil {
		return serializationError("%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return serializationError("text after the end of the request")
	}
	if err := assign(reflect.ValueOf(into).Elem(), value, ""); err != nil {
		return err
	}
	return checkRequired(reflect.ValueOf(into).Elem(), "")
}

// readValue is like Decode into an any, but refuses a member that is given twice.
func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		return readObject(d)
	}
	return token, nil
}

func readObject(d *json.Decoder) (any, error) {
	object := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("member %q is given twice", name)
		}
		if object[name], err = readValue(d); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// assign puts a JSON value into a field. A null is an absent member.
func assign(field reflect.Value, value any, path string) error {
	if value == nil {
		return nil
	}
	if field.Type() == timeType {
		return assignTime(field, value)
	}
	switch field.Kind() {
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		return assign(field.Elem(), value, path)
	case reflect.Struct:
		return assignStruct(field, value, path)
	case reflect.Slice:
		return assignList(field, value, path)
	case reflect.Map:
		return assignMap(field, value, path)
	default:
		return assignScalar(field, value, path)
	}
}

func assignStruct(field reflect.Value, value any, path string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return mismatch(value, "structure", path)
	}
	for name, item := range object {
		member := field.FieldByName(upperFirst(name))
		if !isMember(field.Type(), name) {
			return serializationError("unknown member %q", join(path, name))
		}
		if err := assign(member, item, join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// isMember reports whether the wire knows a member of that very name.
func isMember(t reflect.Type, name string) bool {
	f, ok := t.FieldByName(upperFirst(name))
	return ok && f.IsExported() && len(f.Index) == 1 && wireName(t, f.Name) == name && f.Name != "ResultMetadata"
}

// wireName is the name that the member of a structure has on the wire.
func wireName(t reflect.Type, field string) string {
	if strings.Contains(t.PkgPath(), "/service/secretsmanager") {
		return field
	}
	return lowerFirst(field)
}

func assignList(field reflect.Value, value any, path string) error {
	if field.Type() == blobType {
		return assignBlob(field, value, path)
	}
	list, ok := value.([]any)
	if !ok {
		return mismatch(value, "list", path)
	}
	field.Set(reflect.MakeSlice(field.Type(), len(list), len(list)))
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item == nil {
			return serializationError("null at %s", at)
		}
		if err := assign(field.Index(i), item, at); err != nil {
			return err
		}
	}
	return nil
}

// assignBlob reads bytes, which are base64 on the wire.
func assignBlob(field reflect.Value, value any, path string) error {
	text, ok := value.(string)
	blob, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return mismatch(value, "Blob", path)
	}
	field.SetBytes(blob)
	return nil
}

func assignMap(field reflect.Value, value any, path string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return mismatch(value, "map", path)
	}
	field.Set(reflect.MakeMapWithSize(field.Type(), len(object)))
	for name, item := range object {
		v := reflect.New(field.Type().Elem()).Elem()
		if err := assign(v, item, join(path, name)); err != nil {
			return err
		}
		field.SetMapIndex(reflect.ValueOf(name), v)
	}
	return nil
}

func assignScalar(field reflect.Value, value any, path string) error {
	switch field.Kind() {
	case reflect.String:
		text, ok := value.(string)
		if !ok {
			return mismatch(value, "String", path)
		}
		field.SetString(text)
		return checkEnum(field, path)
	case reflect.Bool:
		truth, ok := value.(bool)
		if !ok {
			return mismatch(value, "Boolean", path)
		}
		field.SetBool(truth)
		return nil
	case reflect.Int32, reflect.Int64:
		number, ok := value.(json.Number)
		n, err := number.Int64()
		if !ok || err != nil || field.OverflowInt(n) {
			return mismatch(value, "Integer", path)
		}
		field.SetInt(n)
		return nil
	}
	return serializationError("member %q is not supported", path)
}

func assignTime(field reflect.Value, value any) error {
	number, ok := value.(json.Number)
	seconds, err := number.Float64()
	if !ok || err != nil {
		return mismatch(value, "Timestamp", "")
	}
	whole, fraction := math.Modf(seconds)
	field.Set(reflect.ValueOf(time.Unix(int64(whole), int64(fraction*1e9))))
	return nil
}

// checkEnum refuses a value outside the enumeration that the SDK lists for the type.
func checkEnum(field reflect.Value, path string) error {
	values := field.MethodByName("Values")
	if !values.IsValid() {
		return nil
	}
	known := values.Call(nil)[0]
	names := make([]string, known.Len())
	for i := range names {
		names[i] = known.Index(i).String()
		if names[i] == field.String() {
			return nil
		}
	}
	return invalidParameter("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
		field.String(), path, strings.Join(names, ", "))
}

func mismatch(value any, want, path string) error {
	got := "STRING_VALUE"
	switch v := value.(type) {
	case json.Number:
		got = "NUMBER_VALUE"
	case bool:
		got = strings.ToUpper(fmt.Sprint(v)) + "_VALUE"
	case []any:
		return serializationError("Unexpected list at %s, expected %s", path, want)
	case map[string]any:
		return serializationError("Start of structure or map found where not expected: %s", path)
	}
	return serializationError("%s can not be converted to %s: %s", got, want, path)
}

func lowerFirst(s string) string { return mapFirst(s, unicode.ToLower) }
func upperFirst(s string) string { return mapFirst(s, unicode.ToUpper) }

func mapFirst(s string, f func(rune) rune) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	return string(f(r)) + s[size:]
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

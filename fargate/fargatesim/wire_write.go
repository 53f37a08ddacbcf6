package fargatesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// encode writes an SDK structure as AWS writes it: members that are nil are left out, empty lists are not,
// timestamps are seconds with milliseconds.
func encode(v any) []byte {
	var b bytes.Buffer
	writeValue(&b, reflect.Indirect(reflect.ValueOf(v)))
	return b.Bytes()
}

func writeValue(b *bytes.Buffer, v reflect.Value) {
	switch {
	case v.Type() == timeType:
		fmt.Fprintf(b, "%.3f", float64(v.Interface().(time.Time).UnixMilli())/1000)
	case v.Kind() == reflect.Pointer:
		writeValue(b, v.Elem())
	case v.Kind() == reflect.Struct:
		writeStruct(b, v)
	case v.Kind() == reflect.Slice && v.Type() != blobType:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeValue(b, v.Index(i))
		}
		b.WriteByte(']')
	default: // strings, numbers, booleans, bytes, and maps of such and of lists of strings
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		_ = e.Encode(v.Interface()) // cannot fail on these
		b.Truncate(b.Len() - 1)     // its end of line
	}
}

func writeStruct(b *bytes.Buffer, v reflect.Value) {
	b.WriteByte('{')
	first := true
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" || isAbsent(value) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(b, "%q:", wireName(v.Type(), f.Name))
		writeValue(b, value)
	}
	b.WriteByte('}')
}

// isAbsent: the SDK knows strings that are enumerations by value, so an empty one is one that is not set.
func isAbsent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

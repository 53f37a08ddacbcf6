package taskdef

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Same tells whether a described definition is the one we would register: every member that we set is
// there with our value, and none that we do not set, but for those that ECS fills in (ecsOwn) and nothings.
// The order of environments is ECS's own. Tags are not looked at, for a TaskDefinition holds none. got may be nil.
func Same(want *ecs.RegisterTaskDefinitionInput, got *ecstypes.TaskDefinition) bool {
	if got == nil {
		return false
	}
	wanted := Wire(want).(map[string]any)
	delete(wanted, "tags")
	return within(wanted, Wire(got))
}

// ecsOwn are the members that ECS fills in by itself (API reference: TaskDefinition, PortMapping). A member that it
// begins to fill in and that is not here costs one more registration; one here that others could set might run
// what they wrote.
var ecsOwn = map[string]bool{
	"taskDefinitionArn": true, "revision": true, "status": true, "registeredAt": true, "registeredBy": true, "deregisteredAt": true,
	"compatibilities": true, "requiresAttributes": true, "hostPort": true,
}

// within tells whether got is want and nothing else. Lists of objects are compared without regard to order,
// other lists element by element. What we set to nothing may be missing.
func within(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return len(want) == 0 && got == nil
		}
		for name, value := range want {
			if !within(value, object[name]) {
				return false
			}
		}
		for name, value := range object {
			if _, wanted := want[name]; !wanted && !ecsOwn[name] && !isNothing(value) {
				return false
			}
		}
		return true
	case []any:
		list, _ := got.([]any)
		return len(want) == len(list) && eachWithin(want, list)
	}
	return want == got || got == nil && reflect.ValueOf(want).IsZero()
}

func isNothing(value any) bool {
	v := reflect.ValueOf(value)
	return !v.IsValid() || v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

func eachWithin(want, got []any) bool {
	taken := make([]bool, len(got))
next:
	for i, value := range want {
		if _, isObject := value.(map[string]any); !isObject {
			if !within(value, got[i]) {
				return false
			}
			continue
		}
		for j, candidate := range got {
			if !taken[j] && within(value, candidate) {
				taken[j] = true
				continue next
			}
		}
		return false
	}
	return true
}

// wireJSON is the value as it goes over the wire, members in alphabetical order. The characters <, > and
// & are written as escapes, which makes the text at least as long as ECS's own.
func wireJSON(value any) []byte {
	text, err := json.Marshal(Wire(value))
	if err != nil {
		panic(err) // strings, numbers, booleans, maps and lists alone
	}
	return text
}

// Wire turns a value of the SDK into maps and lists named as in ECS's API, leaving out what is not set.
// The API's names are the SDK's with a small first letter.
func Wire(value any) any { return wireValue(reflect.ValueOf(value)) }

func wireValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return wireValue(v.Elem())
	case reflect.Struct:
		return wireStruct(v)
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = wireValue(v.Index(i))
		}
		return list
	case reflect.Map:
		object := map[string]any{}
		for _, key := range v.MapKeys() {
			object[key.String()] = wireValue(v.MapIndex(key))
		}
		return object
	case reflect.String: // enums too
		return v.String()
	}
	return v.Interface()
}

func wireStruct(v reflect.Value) any {
	object := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		empty := v.Field(i).Kind() == reflect.Slice && v.Field(i).Len() == 0
		if !field.IsExported() || v.Field(i).IsZero() || empty {
			continue
		}
		object[strings.ToLower(field.Name[:1])+field.Name[1:]] = wireValue(v.Field(i))
	}
	return object
}

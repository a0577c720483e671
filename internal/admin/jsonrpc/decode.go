package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// decodeParams reads params into a P, strictly: a field that P does not have is an error. Without
// params it returns the zero value.
func decodeParams[P any](params json.RawMessage) (P, *api.Error) {
	var p P
	if len(params) == 0 {
		return p, nil
	}
	if params[0] != '{' {
		return p, api.InvalidParams(hintOf(p), "they must be an object")
	}
	dec := json.NewDecoder(bytes.NewReader(params))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, api.InvalidParams(hintOf(p), "%s", decodeFault(err))
	}
	return p, nil
}

// hintOf names the fields of params, a struct.
func hintOf(params any) string {
	if p, ok := params.(interface{ hint() string }); ok {
		return p.hint()
	}
	var fields []string
	for t, i := reflect.TypeOf(params), 0; i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	if len(fields) == 0 {
		return "this method takes no params"
	}
	return "params: " + strings.Join(fields, ", ")
}

// decodeFault returns what encoding/json found, in the words of JSON.
func decodeFault(err error) string {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return fmt.Sprintf("%s: want %s, got %s", wrongType.Field, jsonType(wrongType.Type), wrongType.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ") // unknown field "x"
}

func jsonType(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[string]():
		return "a string"
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[int]():
		return "an integer"
	}
	return "a number"
}

package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// Bounds of parameters.
const (
	maxTargets = 1000 // of one message
)

// decodeParams reads params into a P, strictly: a field that P does not have is an error. fields are those it has.
func decodeParams[P any](params json.RawMessage, fields string) (P, *api.Error) {
	var p P
	hint := "this method takes no params"
	if fields != "" {
		hint = "params: " + fields
	}
	if len(params) == 0 {
		return p, nil
	}
	if params[0] != '{' {
		return p, api.InvalidParams(hint, "they must be an object")
	}
	dec := json.NewDecoder(bytes.NewReader(params))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, api.InvalidParams(hint, "%s", decodeFault(err))
	}
	return p, nil
}

// decodeFault says in the words of JSON what encoding/json found.
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

const sendFields = `params: to (a room, "prefix*", "*" or an array of them), except, event, data, retry`

// decodeSend reads and checks the parameters of "send". data may be empty, but must be there: a message that lost
// its text on the way is not sent.
func decodeSend(params json.RawMessage) (api.SendParams, *api.Error) {
	type wire struct {
		To     json.RawMessage `json:"to"`
		Except string          `json:"except"`
		Event  string          `json:"event"`
		Data   *string         `json:"data"`
		Retry  int             `json:"retry"`
	}
	w, e := decodeParams[wire](params, strings.TrimPrefix(sendFields, "params: "))
	if e != nil {
		return api.SendParams{}, e
	}
	p := api.SendParams{Except: w.Except, Event: w.Event, Retry: w.Retry}
	switch {
	case len(w.To) == 0 || string(w.To) == "null":
		return p, api.InvalidParams(sendFields, "to is missing")
	case json.Unmarshal(w.To, &p.To) != nil:
		return p, api.InvalidParams(sendFields, "to: want a string or an array of strings")
	case w.Data == nil:
		return p, api.InvalidParams(sendFields, "data is missing")
	}
	p.Data = *w.Data
	return p, checkSend(p)
}

func checkSend(p api.SendParams) *api.Error {
	if len(p.To) == 0 {
		return api.InvalidParams(sendFields, "to is empty")
	}
	if len(p.To) > maxTargets {
		return api.InvalidParams("send several messages", "to has %d entries and the limit is %d", len(p.To), maxTargets)
	}
	for _, target := range p.To {
		if _, err := names.ParseTarget(target); err != nil {
			return faultOf("to", err, sendFields)
		}
	}
	if e := faultOf("except", names.CheckClientID(p.Except), sendFields); e != nil {
		return e
	}
	var fault *sse.EventError
	if err := (sse.Event{Name: p.Event, Retry: sse.RetryOf(p.Retry)}).Check(); errors.As(err, &fault) {
		return api.InvalidParams(fault.Hint, "%s", fault)
	}
	return nil
}

func checkClients(p api.ClientsParams) *api.Error {
	switch p.Sort {
	case "", api.SortAge, api.SortQueue, api.SortSent:
	default:
		return api.InvalidParams("sort: age, queue or sent", "sort: there is no such order")
	}
	return checkLimit(p.Limit)
}

func checkRooms(p api.RoomsParams) *api.Error {
	switch p.Sort {
	case "", api.SortStreams, api.SortName:
	default:
		return api.InvalidParams("sort: streams or name", "sort: there is no such order")
	}
	return checkLimit(p.Limit)
}

func checkLimit(limit int) *api.Error {
	if limit < 0 {
		return api.InvalidParams("limit: 0 for a page of the usual length", "limit: less than 0")
	}
	return nil
}

func checkCount(p api.CountParams) *api.Error {
	if p.Room == "" {
		return nil
	}
	return checkRoom(p.Room)
}

func checkRoom(room string) *api.Error {
	return faultOf("room", names.CheckRoom(room), "room: the name of one room")
}

// faultOf returns the error for a parameter with a bad name, and where the name is bad; nil if err is nil.
func faultOf(param string, err error, hint string) *api.Error {
	var f *names.Fault
	if !errors.As(err, &f) {
		return nil
	}
	return api.InvalidParams(hint, "%s: %s at byte %d", param, f.Reason, f.At+1)
}

func checkLevel(p api.LevelParams) *api.Error {
	switch p.Level {
	case "", "quiet", "normal", "debug":
		return nil
	}
	return api.InvalidParams("level: quiet, normal or debug", "level: there is no such level")
}

func checkKick(p api.KickParams) *api.Error {
	const hint = "give exactly one of id, room and all"
	chosen := 0
	for _, given := range []bool{p.ID != "", p.Room != "", p.All} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return api.InvalidParams(hint, "%d of id, room and all are given", chosen)
	}
	if e := faultOf("id", names.CheckClientID(p.ID), hint); e != nil {
		return e
	}
	if p.Room != "" {
		if e := checkRoom(p.Room); e != nil {
			return e
		}
	}
	return checkSeconds("refuse_seconds", p.RefuseSeconds, api.MaxRefuse)
}

func checkDrain(p api.DrainParams) *api.Error {
	if p.WindowSeconds == nil {
		return nil
	}
	return checkSeconds("window_seconds", *p.WindowSeconds, api.MaxDrainWindow)
}

func checkSeconds(name string, s float64, most time.Duration) *api.Error {
	if math.IsNaN(s) || s < 0 || s > most.Seconds() {
		return api.InvalidParams(name+": seconds", "%s: want 0 to %.0f", name, most.Seconds())
	}
	return nil
}

func checkLimits(p api.LimitsParams) *api.Error {
	if p.Penalized < 0 {
		return api.InvalidParams("penalized: how many networks to list", "penalized: less than 0")
	}
	return nil
}

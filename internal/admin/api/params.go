package api

import (
	"errors"
	"math"
	"time"

	"github.com/hassesd/hassesd/internal/names"
)

// Check returns an error unless p has what may be a key.
func (p AuthParams) Check() *Error { return faultOf("key", CheckKey(p.Key), "params: key") }

// Check returns an error unless p can be asked for.
func (p ClientsParams) Check() *Error {
	switch p.Sort {
	case "", SortAge, SortQueue, SortSent:
	default:
		return InvalidParams("sort: age, queue or sent", "sort: there is no such order")
	}
	return checkLimit(p.Limit)
}

// Check returns an error unless p can be asked for.
func (p RoomsParams) Check() *Error {
	switch p.Sort {
	case "", SortStreams, SortName:
	default:
		return InvalidParams("sort: streams or name", "sort: there is no such order")
	}
	return checkLimit(p.Limit)
}

func checkLimit(limit int) *Error {
	if limit < 0 {
		return InvalidParams("limit: 0 for a page of the usual length", "limit: less than 0")
	}
	return nil
}

// Check returns an error unless the room, if there is one, is valid.
func (p CountParams) Check() *Error {
	if p.Room == "" {
		return nil
	}
	return checkRoom(p.Room)
}

func checkRoom(room string) *Error {
	return faultOf("room", names.CheckRoom(room), "room: the name of one room")
}

// Check returns an error unless the level, if there is one, exists.
func (p LevelParams) Check() *Error {
	switch p.Level {
	case "", "quiet", "normal", "debug":
		return nil
	}
	return InvalidParams("level: quiet, normal or debug", "level: there is no such level")
}

// IsChange reports whether p sets the level instead of asking for it.
func (p LevelParams) IsChange() bool { return p.Level != "" }

// IsChange reports whether p sets the switch instead of asking for it.
func (p ReinitParams) IsChange() bool { return p.Enabled != nil }

// Check returns an error unless exactly one selection is given, and is valid.
func (p KickParams) Check() *Error {
	const hint = "give exactly one of id, room and all"
	chosen := 0
	for _, given := range []bool{p.ID != "", p.Room != "", p.All} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return InvalidParams(hint, "%d of id, room and all are given", chosen)
	}
	if e := faultOf("id", names.CheckClientID(p.ID), hint); e != nil {
		return e
	}
	if p.Room != "" {
		if e := checkRoom(p.Room); e != nil {
			return e
		}
	}
	return checkSeconds("refuse_seconds", p.RefuseSeconds, MaxRefuse)
}

// Check returns an error unless the window, if there is one, is within [MaxDrainWindow].
func (p DrainParams) Check() *Error {
	if p.WindowSeconds == nil {
		return nil
	}
	return checkSeconds("window_seconds", *p.WindowSeconds, MaxDrainWindow)
}

func checkSeconds(name string, s float64, most time.Duration) *Error {
	if math.IsNaN(s) || s < 0 || s > most.Seconds() {
		return InvalidParams(name+": seconds", "%s: want 0 to %.0f", name, most.Seconds())
	}
	return nil
}

// Check returns an error unless p can be asked for.
func (p LimitsParams) Check() *Error {
	if p.Penalized < 0 {
		return InvalidParams("penalized: how many networks to list", "penalized: less than 0")
	}
	return nil
}

// SendHint is the hint of errors about the parameters of "send".
const SendHint = `params: to (a room, "prefix*", "*" or an array of them), except, event, data, retry, key`

// maxTargets bounds the targets of one message.
const maxTargets = 1000

// Check returns an error unless the targets and the client id are valid.
func (p SendParams) Check() *Error {
	if len(p.To) == 0 {
		return InvalidParams(SendHint, "to is empty")
	}
	if len(p.To) > maxTargets {
		return InvalidParams("send several messages", "to has %d entries and the limit is %d", len(p.To), maxTargets)
	}
	for _, target := range p.To {
		if _, err := names.ParseTarget(target); err != nil {
			return faultOf("to", err, SendHint)
		}
	}
	return faultOf("except", names.CheckClientID(p.Except), SendHint)
}

// faultOf returns the error for a parameter with a bad name, and where the name is bad; nil if err
// is nil.
func faultOf(param string, err error, hint string) *Error {
	var f *names.Fault
	if !errors.As(err, &f) {
		return nil
	}
	return InvalidParams(hint, "%s: %s at byte %d", param, f.Reason, f.At+1)
}

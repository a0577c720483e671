package site

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/safetext"
)

// maxLastEventID bounds the Last-Event-ID that is kept. Ours are far shorter, so a truncated one is
// unknown anyway.
const maxLastEventID = 256

// otherParameters is how many parameters a query may have besides one per room. Parsing one costs
// more than sending it.
const otherParameters = 64

// Subscription is what a client asks for. It does not share memory with the request, as it lives as
// long as the stream.
type Subscription struct {
	Rooms       []string // checked, each once, in the client's order; empty with All
	All         bool     // every room
	ID          string   // the client's own id, checked; may be empty
	LastEventID string   // resume after it; may be empty, or anything at all

	Until time.Time // the stream ends then; zero: it need not
}

// parseSubscription reads the query of a subscriber's request: the rooms, the client's id and where
// to resume.
func parseSubscription(req *exchange.Request, r *Rules) (*Subscription, *exchange.Answer) {
	var sub Subscription
	rooms := roomList{limit: r.MaxRooms}
	hasID := false
	left := r.MaxRooms + otherParameters
	for query := req.RawQuery; query != ""; {
		var parameter string
		parameter, query, _ = strings.Cut(query, "&")
		if parameter == "" {
			continue
		}
		if left--; left < 0 {
			return nil, exchange.Malformed("the query has too many parameters")
		}
		key, value, err := unescapeParameter(parameter)
		if err != nil {
			return nil, exchange.Malformed("the query is malformed: " + err.Error())
		}
		var bad *exchange.Answer
		switch key {
		case "subscribe":
			bad = rooms.addList(value)
		case "room":
			bad = rooms.add(value)
		case "id":
			if hasID {
				bad = exchange.Refuse(http.StatusBadRequest, exchange.CodeBadID, "the query has more than one id=")
			} else if err := names.CheckClientID(value); err != nil {
				bad = exchange.Refuse(http.StatusBadRequest, exchange.CodeBadID, "the id "+safetext.Quote(value)+" "+err.Error())
			}
			hasID = true
			sub.ID = strings.Clone(value)
		case "lastEventId":
			sub.LastEventID = value
		}
		if bad != nil {
			return nil, bad
		}
	}
	switch {
	case rooms.all && !r.AllowAll && r.Auth == nil:
		return nil, exchange.Refuse(http.StatusForbidden, exchange.CodeAllRoomsNotAllowed, "subscribing to every room (*) is not allowed here")
	case rooms.all:
		sub.All = true
	case len(rooms.names) == 0:
		return nil, exchange.Refuse(http.StatusBadRequest, exchange.CodeMissingRooms,
			"the query names no room: write ?subscribe=room1-room2, or ?room=room1&room=room2")
	default:
		sub.Rooms = rooms.names
	}
	if req.LastEventID != "" {
		// EventSource keeps the URL of its first request: the header is newer than the query.
		sub.LastEventID = req.LastEventID
	}
	sub.LastEventID = strings.Clone(sub.LastEventID[:min(len(sub.LastEventID), maxLastEventID)])
	return &sub, nil
}

// unescapeParameter decodes one name=value pair (application/x-www-form-urlencoded). As in the
// WHATWG URL standard, ; has no special meaning.
func unescapeParameter(parameter string) (key, value string, err error) {
	key, value, _ = strings.Cut(parameter, "=")
	if key, err = url.QueryUnescape(key); err != nil {
		return "", "", err
	}
	if value, err = url.QueryUnescape(value); err != nil {
		return "", "", err
	}
	return key, value, nil
}

// roomList collects rooms, each once.
type roomList struct {
	limit int
	names []string
	seen  map[string]struct{} // of names, once there are many
	all   bool                // a * was among them
}

// addList adds the rooms of a subscribe= value: a-b-c. It skips empty parts.
func (l *roomList) addList(list string) *exchange.Answer {
	for list != "" {
		var name string
		name, list, _ = strings.Cut(list, "-")
		if bad := l.add(name); bad != nil {
			return bad
		}
	}
	return nil
}

func (l *roomList) add(name string) *exchange.Answer {
	if name == "" {
		return nil
	}
	if name == "*" {
		l.all = true
		return nil
	}
	if err := names.CheckRoom(name); err != nil {
		return exchange.Refuse(http.StatusBadRequest, exchange.CodeBadRoom, "the room "+safetext.Quote(name)+" "+err.Error())
	}
	if l.has(name) {
		return nil
	}
	if len(l.names) >= l.limit {
		return exchange.Refuse(http.StatusBadRequest, exchange.CodeTooManyRooms, "the query names more than "+strconv.Itoa(l.limit)+" rooms")
	}
	name = strings.Clone(name)
	l.names = append(l.names, name)
	if l.seen != nil {
		l.seen[name] = struct{}{}
	}
	return nil
}

// has reports whether name is in the list. Scanning a short list is faster than hashing; a long one
// must not cost quadratic time.
func (l *roomList) has(name string) bool {
	const short = 16
	if len(l.names) < short {
		return slices.Contains(l.names, name)
	}
	if l.seen == nil {
		l.seen = make(map[string]struct{}, 2*short)
		for _, n := range l.names {
			l.seen[n] = struct{}{}
		}
	}
	_, ok := l.seen[name]
	return ok
}

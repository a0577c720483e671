package site

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/exchange/exchangetest"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/names"
)

func TestParseSubscription(t *testing.T) {
	tests := []struct {
		name, query string
		rooms       string // with blanks between; "*" for all
		id          string
		last        string
	}{
		{name: "one room", query: "subscribe=room624", rooms: "room624"},
		{name: "rooms in their order", query: "subscribe=c-a-b", rooms: "c a b"},
		{name: "empty parts are nothing", query: "subscribe=-a--b-", rooms: "a b"},
		{name: "doubles are one", query: "subscribe=a-b-a&room=b&room=a", rooms: "a b"},
		{name: "a room as a parameter is whole", query: "room=a-b", rooms: "a-b"},
		{name: "room adds up", query: "room=a&room=b", rooms: "a b"},
		{name: "subscribe adds up", query: "subscribe=a-b&subscribe=c", rooms: "a b c"},
		{name: "both forms add up", query: "subscribe=a-b&room=c-d", rooms: "a b c-d"},
		{name: "empty parameters are nothing", query: "&subscribe=&room=&&room=a&", rooms: "a"},
		{name: "decoded, then split", query: "subscribe=a%2Db", rooms: "a b"},
		{name: "decoded and whole", query: "room=a%2Db", rooms: "a-b"},
		{name: "plus is a space", query: "subscribe=a+b&room=c+d", rooms: "a_b c_d"},
		{name: "escaped plus", query: "room=a%2Bb", rooms: "a+b"},
		{name: "escaped name", query: "s%75bscribe=a", rooms: "a"},
		{name: "escaped ampersand", query: "room=a%26b", rooms: "a&b"},
		{name: "UTF-8", query: "room=%C3%BCber&subscribe=für-ß", rooms: "über für ß"},
		{name: "names of parameters have a case", query: "Subscribe=x&ROOM=y&subscribe=a", rooms: "a"},
		{name: "unknown parameters", query: "_=123&subscribe=a&token=a;b", rooms: "a"},
		{name: "longest room", query: "room=" + strings.Repeat("r", 256), rooms: strings.Repeat("r", 256)},
		{name: "every room", query: "subscribe=*", rooms: "*"},
		{name: "every room, escaped", query: "subscribe=%2A", rooms: "*"},
		{name: "every room as a parameter", query: "room=*", rooms: "*"},
		{name: "every room and others", query: "subscribe=a-*&room=b", rooms: "*"},
		{name: "client id", query: "subscribe=a&id=x-1;2", rooms: "a", id: "x-1;2"},
		{name: "empty client id", query: "subscribe=a&id=", rooms: "a"},
		{name: "longest client id", query: "subscribe=a&id=" + strings.Repeat("%C3%BC", 32), rooms: "a", id: strings.Repeat("ü", 32)},
		{name: "last id", query: "subscribe=a&lastEventId=e1-5", rooms: "a", last: "e1-5"},
		{name: "the later last id", query: "lastEventId=e1-5&subscribe=a&lastEventId=e1-6", rooms: "a", last: "e1-6"},
		{name: "last id of nonsense", query: "subscribe=a&lastEventId=%00%FF", rooms: "a", last: "\x00\xff"},
		{name: "last id is cut", query: "subscribe=a&lastEventId=" + strings.Repeat("9", 300), rooms: "a", last: strings.Repeat("9", 256)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sub, bad := parseSubscription(&exchange.Request{RawQuery: tt.query}, &Rules{AllowAll: true, MaxRooms: 64})
			if bad != nil {
				t.Fatalf("refused: %+v", bad)
			}
			got := strings.ReplaceAll(strings.Join(sub.Rooms, "\n"), " ", "_")
			got = strings.ReplaceAll(got, "\n", " ")
			if sub.All {
				got = strings.TrimSpace("* " + got)
			}
			if got != tt.rooms {
				t.Errorf("rooms %q, want %q", got, tt.rooms)
			}
			if sub.ID != tt.id || sub.LastEventID != tt.last {
				t.Errorf("id %q, last %q, want %q, %q", sub.ID, sub.LastEventID, tt.id, tt.last)
			}
		})
	}
}

func TestParseSubscriptionRefuses(t *testing.T) {
	tests := []struct {
		name, query string
		status      int
		code        exchange.Code
		says        string // in the message
	}{
		{"no query", "", 400, exchange.CodeMissingRooms, "subscribe="},
		{"no rooms", "id=x", 400, exchange.CodeMissingRooms, "no room"},
		{"only empty parts", "subscribe=--&room=", 400, exchange.CodeMissingRooms, "no room"},
		{"equals sign", "subscribe=a%3Db", 400, exchange.CodeBadRoom, `"a=b"`},
		{"second equals sign", "subscribe=a=b", 400, exchange.CodeBadRoom, `"a=b"`},
		{"semicolon", "subscribe=a;b", 400, exchange.CodeBadRoom, `"a;b"`},
		{"star in a name", "subscribe=a-room*", 400, exchange.CodeBadRoom, `"room*"`},
		{"two stars", "room=**", 400, exchange.CodeBadRoom, `"**"`},
		{"line feed", "room=a%0Ab", 400, exchange.CodeBadRoom, `"a\x0Ab"`},
		{"NUL", "room=%00", 400, exchange.CodeBadRoom, `"\x00"`},
		{"C1 control", "room=%C2%85", 400, exchange.CodeBadRoom, `"\u{85}"`},
		{"not UTF-8", "room=%FF", 400, exchange.CodeBadRoom, `"\xFF"`},
		{"right-to-left override is shown as an escape", "room=%E2%80%AE;", 400, exchange.CodeBadRoom, `"\u{202E};"`},
		{"too long", "room=" + strings.Repeat("r", 257), 400, exchange.CodeBadRoom, `rrr"… is longer`},
		{"too long, cut between letters", "room=a" + strings.Repeat("%C3%BC", 128), 400, exchange.CodeBadRoom, `üü"… is longer`},
		{"a bad room among good ones", "subscribe=a-b;-c", 400, exchange.CodeBadRoom, `"b;"`},
		{"too many rooms", "subscribe=a-b-c-d-e", 400, exchange.CodeTooManyRooms, "more than 4"},
		{"too many rooms in both forms", "subscribe=a-b-c&room=d&room=e", 400, exchange.CodeTooManyRooms, "more than 4"},
		{"every room", "subscribe=*", 403, exchange.CodeAllRoomsNotAllowed, "every room"},
		{"every room among others", "subscribe=a-*-b", 403, exchange.CodeAllRoomsNotAllowed, "every room"},
		{"every room as a parameter", "subscribe=a&room=*", 403, exchange.CodeAllRoomsNotAllowed, "every room"},
		{"long client id", "subscribe=a&id=" + strings.Repeat("x", 65), 400, exchange.CodeBadID, `"xxx`},
		{"control character in the client id", "subscribe=a&id=x%0D", 400, exchange.CodeBadID, `"x\x0D"`},
		{"client id is not UTF-8", "subscribe=a&id=%C3", 400, exchange.CodeBadID, "UTF-8"},
		{"two client ids", "subscribe=a&id=x&id=x", 400, exchange.CodeBadID, "more than one"},
		{"an empty and another client id", "subscribe=a&id=&id=x", 400, exchange.CodeBadID, "more than one"},
		{"cut escape", "subscribe=a%2", 400, exchange.CodeBadRequest, `"%2"`},
		{"escape that is none", "subscribe=%zz", 400, exchange.CodeBadRequest, `"%zz"`},
		{"escape that is none, of an unknown parameter", "subscribe=a&x=100%", 400, exchange.CodeBadRequest, `"%"`},
		{"escape that is none, in a name", "%=a", 400, exchange.CodeBadRequest, `"%"`},
		{"too many parameters", "subscribe=a" + strings.Repeat("&a", 4+otherParameters), 400, exchange.CodeBadRequest, "too many parameters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sub, bad := parseSubscription(&exchange.Request{RawQuery: tt.query}, &Rules{MaxRooms: 4})
			if bad == nil {
				t.Fatalf("got %+v, want %d %s", sub, tt.status, tt.code)
			}
			if bad.Status != tt.status || bad.Code != tt.code || !strings.Contains(bad.Message, tt.says) {
				t.Errorf("got %d %s %s\nwant %d %s and %s", bad.Status, bad.Code, bad.Message, tt.status, tt.code, tt.says)
			}
			if len(bad.Message) > 300 {
				t.Errorf("the message has %d bytes: %s", len(bad.Message), bad.Message)
			}
		})
	}
}

func TestLastEventIDOfHeaderAndQuery(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct{ name, header, query, want string }{
		{"neither", "", "", ""},
		{"only the query", "", "e-1", "e-1"},
		{"only the header", "e-2", "", "e-2"},
		{"the header wins", "e-2", "e-1", "e-2"},
		{"a malformed header wins", "?", "e-1", "?"},
		{"a long header is cut", long, "e-1", long[:256]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := &exchange.Request{RawQuery: "subscribe=a&lastEventId=" + tt.query, LastEventID: tt.header}
			sub, bad := parseSubscription(req, &Rules{MaxRooms: 1})
			if bad != nil {
				t.Fatalf("refused: %+v", bad)
			}
			if sub.LastEventID != tt.want {
				t.Errorf("got %q, want %q", sub.LastEventID, tt.want)
			}
		})
	}
}

// TestAParameterForEachRoom has as many as may be, and nothing between some of them.
func TestAParameterForEachRoom(t *testing.T) {
	query := "&&" + strings.Repeat("&&x=y", otherParameters) + "&room=a&room=b&room=c&room=d&&"
	if _, bad := parseSubscription(&exchange.Request{RawQuery: query}, &Rules{MaxRooms: 4}); bad != nil {
		t.Errorf("refused: %+v", bad)
	}
}

// Many rooms take the road with the map; they must come out as few do.
func TestManyRooms(t *testing.T) {
	var rooms []string
	for i := range 200 {
		rooms = append(rooms, "r"+string(rune('A'+i/26))+string(rune('a'+i%26)))
	}
	query := "subscribe=" + strings.Join(rooms, "-") + "-" + strings.Join(rooms, "-")

	sub, bad := parseSubscription(&exchange.Request{RawQuery: query}, &Rules{MaxRooms: len(rooms)})
	if bad != nil {
		t.Fatalf("refused: %+v", bad)
	}
	if !slices.Equal(sub.Rooms, rooms) {
		t.Errorf("got %v, want %v", sub.Rooms, rooms)
	}
	if _, bad := parseSubscription(&exchange.Request{RawQuery: query}, &Rules{MaxRooms: len(rooms) - 1}); bad == nil || bad.Code != exchange.CodeTooManyRooms {
		t.Errorf("one room too many: %+v, want %s", bad, exchange.CodeTooManyRooms)
	}
}

func FuzzSubscribe(f *testing.F) {
	f.Add("subscribe=a-b&room=c-d&id=x&lastEventId=e-1", "", true)
	f.Add("subscribe=%2A", "e-1", false)
	f.Add("subscribe=a;b&x=%zz", "", false)
	f.Add("room=%FF&room=%00&id=%C2%9B", "", true)
	f.Fuzz(func(t *testing.T, query, header string, allowAll bool) {
		r := &Rules{Path: "/sse", AllowAll: allowAll, MaxRooms: 3}
		req := &exchange.Request{Method: http.MethodGet, Path: "/sse", RawQuery: query, LastEventID: header}
		sub, ans := Decide(req, r, Visitor{})
		if sub == nil {
			if ans.Status != http.StatusBadRequest && ans.Status != http.StatusForbidden || ans.Code == "" {
				t.Fatalf("%q: answer %+v", query, ans)
			}
			if !utf8.ValidString(ans.Message) || strings.ContainsAny(ans.Message, "\r\n\x00\x1b") || len(ans.Message) > 400 {
				t.Fatalf("%q: message %q", query, ans.Message)
			}
			r.Complete(&ans, req, "now", false)
			exchangetest.CheckResponse(t, http1.AppendAnswer(nil, req, &ans), req)
		} else {
			checkSubscription(t, sub, r)
		}
		if strings.Contains(query, ";") {
			return // which net/url refuses
		}
		values, err := url.ParseQuery(query)
		if (err != nil) && ans.Status == 0 {
			t.Fatalf("%q: accepted; net/url: %v", query, err)
		}
		if sub != nil {
			compareRooms(t, sub, values)
		}
	})
}

func checkSubscription(t *testing.T, sub *Subscription, r *Rules) {
	t.Helper()
	if sub.All != (len(sub.Rooms) == 0) || sub.All && !r.AllowAll || len(sub.Rooms) > r.MaxRooms {
		t.Fatalf("subscription %+v under %+v", sub, r)
	}
	for i, room := range sub.Rooms {
		if err := names.CheckRoom(room); err != nil || slices.Contains(sub.Rooms[:i], room) {
			t.Fatalf("room %q of %q: %v", room, sub.Rooms, err)
		}
	}
	if err := names.CheckClientID(sub.ID); err != nil {
		t.Fatalf("id %q: %v", sub.ID, err)
	}
	if len(sub.LastEventID) > maxLastEventID {
		t.Fatalf("last id of %d bytes", len(sub.LastEventID))
	}
}

// compareRooms fails unless sub has the rooms that net/url finds.
func compareRooms(t *testing.T, sub *Subscription, values url.Values) {
	t.Helper()
	want := slices.Clone(values["room"])
	for _, list := range values["subscribe"] {
		want = append(want, strings.Split(list, "-")...)
	}
	want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
	slices.Sort(want)
	want = slices.Compact(want)
	if sub.All {
		if !slices.Contains(want, "*") {
			t.Fatalf("every room without a *: %q", want)
		}
		return
	}
	got := slices.Sorted(slices.Values(sub.Rooms))
	if !slices.Equal(got, want) {
		t.Fatalf("rooms %q, want %q", got, want)
	}
	if sub.ID != values.Get("id") {
		t.Fatalf("id %q, want %q", sub.ID, values.Get("id"))
	}
}

// BenchmarkManyRooms is the dearest query that fits a request head: thousands of rooms under a
// generous limit.
func BenchmarkManyRooms(b *testing.B) {
	var query strings.Builder
	query.WriteString("subscribe=")
	for i := range 2700 {
		query.WriteByte('-')
		query.WriteByte(byte('A' + i%53))
		query.WriteByte(byte('A' + i/53))
	}
	req := &exchange.Request{RawQuery: strings.NewReplacer(";", "z", "=", "z", "*", "z").Replace(query.String()[10:])}
	req.RawQuery = "subscribe=" + req.RawQuery
	b.ReportAllocs()
	for b.Loop() {
		if _, bad := parseSubscription(req, &Rules{MaxRooms: 4096}); bad != nil {
			b.Fatal(bad.Message)
		}
	}
}

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// errorLine is the answer with an error, of which the hint is not compared.
func errorLine(id string, code int, message string) string {
	m, _ := json.Marshal(message)
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s,"data":{"hint":`, id, code, m)
}

// wantError reads an error answer, which must have a hint.
func (p *peer) wantError(id string, code int, message string) {
	p.t.Helper()
	got, want := p.line(), errorLine(id, code, message)
	if !strings.HasPrefix(got, want) || strings.HasPrefix(got, want+`""`) {
		p.t.Fatalf("got\n  %s\nwant\n  %s\"...\"}}}", got, want)
	}
}

func TestMethods(t *testing.T) {
	n := 12
	b := &admintest.Backend{
		HelloAnswer:   api.Hello{Version: "2.0.0", URL: "https://127.0.0.1:8443/sse"},
		CountAnswer:   api.Count{Connections: &n, Streams: 10},
		RoomStreams:   map[string]int{"a-b": 4},
		KickedAnswer:  api.Kicked{Kicked: 2},
		DrainAnswer:   api.Drained{Streams: 10, WindowSeconds: 1.5},
		CertsAnswer:   api.Certificates{Certificates: []api.Certificate{{Source: "file", DaysLeft: -1, Due: true, Default: true}}},
		SandboxAnswer: api.Sandbox{Mode: "strict", Threads: 7},
		Matches:       3,
	}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	for _, tt := range []struct{ request, result string }{
		{`"hello"`, `{"name":"hassesd","version":"2.0.0","protocol":1,"role":"admin","url":"https://127.0.0.1:8443/sse"}`},
		{`"clients"`, `{"clients":[],"total":0}`},
		{`"clients","params":{"room":"a","id":"x","addr":"192.0.2.1","sort":"queue","limit":5,"cursor":"c"}`, `{"clients":[],"total":0}`},
		{`"rooms","params":{"limit":1,"prefix":"r"}`, `{"rooms":[],"total":0}`},
		{`"count"`, `{"connections":12,"streams":10}`},
		{`"count","params":{"room":"a-b"}`, `{"room":"a-b","streams":4}`},
		{`"send","params":{"to":"a-b","data":"hello"}`, `{"id":"e-1","matched":3}`},
		{`"send","params":{"to":["a","b*","*","a"],"except":"x","event":"chat","data":"1=2;\n\u0000","retry":500}`, `{"id":"e-2","matched":3}`},
		{`"send","params":{"to":"a","data":""}`, `{"id":"e-3","matched":3}`},
		{`"kick","params":{"id":"x"}`, `{"kicked":2}`},
		{`"kick","params":{"room":"a","refuse_seconds":60}`, `{"kicked":2}`},
		{`"kick","params":{"all":true}`, `{"kicked":2}`},
		{`"loglevel"`, `{"level":"normal"}`},
		{`"loglevel","params":{"level":"debug"}`, `{"level":"debug"}`},
		{`"reinit","params":{"enabled":true}`, `{"enabled":true}`},
		{`"reinit","params":{}`, `{"enabled":true}`},
		{`"reload","params":null`, `{"changed":[]}`},
		{`"certificates"`, `{"certificates":[{"names":[],"source":"file","subject":"","issuer":"","key":"","days_left":-1,"due":true,"sha256":"","default":true,"warnings":[]}]}`},
		{`"limits"`, `{"limits":[],"refused":{},"penalties":{"mode":"","penalized":[],"total":0,"imposed":0,"dry_run":0,"table":0,"table_max":0,"forgotten":0,"offences":{}},` +
			`"memory":{"pressure":"","used_bytes":0,"peak_bytes":0,"budget_bytes":0,"budget_from":"","kernel_bytes":0,"control_bytes":0,"body_bytes":0,"short_total":0,"queued_bytes":0,"blocked_streams":0,"streams_ended":0,"events_forgotten":0},` +
			`"publish":{"held_total":0,"held_seconds":0,"doors":null,"repeated_total":0,"keys":0,"fanned_out_bytes":0}}`},
		{`"sandbox"`, `{"mode":"strict","self_check":"","layers":[],"threads":7,"paths":[],"connect_ports":[],"checks":[]}`},
		{`"drain"`, `{"streams":10,"window_seconds":1.5}`},
		{`"drain","params":{"window_seconds":0}`, `{"streams":10,"window_seconds":1.5}`},
	} {
		p.send(`{"jsonrpc":"2.0","id":"q","method":` + tt.request + "}\n")
		p.want(`{"jsonrpc":"2.0","id":"q","result":` + tt.result + `}`)
	}
	p.send(`{"jsonrpc":"2.0","id":7,"method":"status"}` + "\r\n")
	if got := p.line(); !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":7,"result":{"version":""`) || !strings.Contains(got, `"loops":[],"closed":{},"refused":{}`) {
		t.Errorf("got %s", got)
	}

	want := api.SendParams{To: api.Targets{"a", "b*", "*", "a"}, Except: "x", Event: "chat", Data: "1=2;\n\x00", Retry: 500}
	if got := b.Sent()[1]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := b.Kicks(); got[0].ID != "x" || got[1].Room != "a" || got[1].RefuseSeconds != 60 || !got[2].All {
		t.Errorf("got %+v", got)
	}
	if got := b.Queries()[1]; got != (api.ClientsParams{Room: "a", ID: "x", Addr: "192.0.2.1", Sort: "queue", Limit: 5, Cursor: "c"}) {
		t.Errorf("got %+v", got)
	}
}

func TestBadRequests(t *testing.T) {
	const parse, invalid, method, params = -32700, -32600, -32601, -32602
	b := &admintest.Backend{}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	for _, tt := range []struct {
		line    string
		id      string
		code    int
		message string
	}{
		{`{"jsonrpc":"2.0","id":1`, "null", parse, "parse error: not JSON"},
		{`room=hello`, "null", parse, "parse error: not JSON"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "null", parse, "parse error: not UTF-8"},
		{`42`, "null", invalid, "invalid request: request is not a JSON object"},
		{`{}`, "null", invalid, "invalid request: invalid version marker"},
		{`{"jsonrpc":"1.0","id":1,"method":"status"}`, "1", invalid, "invalid request: invalid version marker"},
		{`{"jsonrpc":"2.0","id":1}`, "1", invalid, "invalid request: no method"},
		{`{"jsonrpc":"2.0","id":1,"result":{}}`, "1", invalid, "invalid request: no method"},
		{`{"jsonrpc":"2.0","id":{},"method":"status"}`, "null", invalid, "invalid request: invalid request ID"},
		{`{"jsonrpc":"2.0","id":1,"method":"status","params":3}`, "1", invalid, "invalid request: parameters must be array or object"},
		{`{"jsonrpc":"2.0","id":1,"method":"status","extra":3}`, "1", invalid, "invalid request: extra fields in request"},
		{`[]`, "null", invalid, "a batch of 0 requests"},

		{`{"jsonrpc":"2.0","id":1,"method":"nonsense"}`, "1", method, "there is no method of this name"},
		{`{"jsonrpc":"2.0","id":1,"method":"nonesuch"}`, "1", method, "there is no method of this name"},
		{`{"jsonrpc":"2.0","id":1,"method":"watch"}`, "1", method, "there is no method of this name"},
		{`{"jsonrpc":"2.0","id":1,"method":"rpc.serverInfo"}`, "1", method, "there is no method of this name"},
	} {
		p.send(tt.line + "\n")
		p.wantError(tt.id, tt.code, tt.message)
	}
	for _, tt := range []struct{ request, message string }{
		{`"status","params":{"x":1}`, `unknown field "x"`},
		{`"status","params":["x"]`, `they must be an object`},
		{`"count","params":["x"]`, `they must be an object`},
		{`"count","params":{"rooms":"x"}`, `unknown field "rooms"`},
		{`"count","params":{"room":"a*"}`, `room: contains '*', which no room's name may have at byte 2`},
		{`"clients","params":{"limit":"x"}`, `limit: want an integer, got string`},
		{`"clients","params":{"limit":1.5}`, `limit: want an integer, got number 1.5`},
		{`"clients","params":{"limit":-1}`, `limit: less than 0`},
		{`"clients","params":{"sort":"name"}`, `sort: there is no such order`},
		{`"rooms","params":{"limit":-1}`, `limit: less than 0`},
		{`"limits","params":{"penalized":-1}`, `penalized: less than 0`},
		{`"send"`, `to is missing`},
		{`"send","params":{"to":null,"data":"x"}`, `to is missing`},
		{`"send","params":{"to":"a"}`, `data is missing`},
		{`"send","params":{"to":"a","data":null}`, `data is missing`},
		{`"send","params":{"to":"a","data":"x","event":"hasses.gap"}`, `event begins with "hasses.", as the daemon's own do`},
		{`"send","params":{"to":"a","data":"x","event":"hasses."}`, `event begins with "hasses.", as the daemon's own do`},
		{`"send","params":{"to":"a","data":"x","event":"\u0068asses.reauth"}`, `event begins with "hasses.", as the daemon's own do`},
		{`"send","params":{"to":"a","data":7}`, `data: want a string, got number`},
		{`"send","params":{"to":[],"data":"x"}`, `to is empty`},
		{`"send","params":{"to":7,"data":"x"}`, `to: want a string or an array of strings`},
		{`"send","params":{"to":["a",7],"data":"x"}`, `to: want a string or an array of strings`},
		{`"send","params":{"to":"","data":"x"}`, `to: is empty at byte 1`},
		{`"send","params":{"to":["a","b*c"],"data":"x"}`, `to: contains '*', which no room's name may have at byte 2`},
		{`"send","params":{"to":"a\nb","data":"x"}`, `to: contains a control character at byte 2`},
		{`"send","params":{"to":"a","data":"x","message":"y"}`, `unknown field "message"`},
		{`"send","params":{"to":"a","data":"x","except":"\n"}`, `except: contains a control character at byte 1`},
		{`"send","params":{"to":"a","data":"x","event":"a\rb"}`, `event contains a line break or a NUL`},
		{`"send","params":{"to":"a","data":"x","event":"` + strings.Repeat("e", 129) + `"}`, `event is longer than 128 bytes`},
		{`"send","params":{"to":"a","data":"x","event":"error"}`, `event is "error", which EventSource itself fires about the connection`},
		{`"send","params":{"to":"a","data":"x","event":"open"}`, `event is "open", which EventSource itself fires about the connection`},
		{`"send","params":{"to":"a","data":"x","retry":-1}`, `retry is negative`},
		{`"send","params":{"to":"a","data":"x","retry":86400001}`, `retry is over 86400000 ms, which is 24 hours`},
		{`"send","params":{"to":"a","data":"x","retry":2147483648}`, `retry is over 86400000 ms, which is 24 hours`},
		{`"send","params":{"to":"a","data":"x","retry":9223372036854775807}`, `retry is over 86400000 ms, which is 24 hours`},
		{`"send","params":{"to":[` + strings.Repeat(`"a",`, 1000) + `"a"],"data":"x"}`, `to has 1001 entries and the limit is 1000`},
		{`"loglevel","params":{"level":"loud"}`, `level: there is no such level`},
		{`"reinit","params":{"enabled":"yes"}`, `enabled: want true or false, got string`},
		{`"kick"`, `0 of id, room and all are given`},
		{`"kick","params":{"id":"x","all":true}`, `2 of id, room and all are given`},
		{`"kick","params":{"room":"a;b"}`, `room: contains ';', which no room's name may have at byte 2`},
		{`"kick","params":{"id":"\u0085"}`, `id: contains a control character at byte 1`},
		{`"kick","params":{"id":"x","refuse_seconds":-1}`, `refuse_seconds: want 0 to 604800`},
		{`"drain","params":{"window_seconds":-1}`, `window_seconds: want 0 to 3600`},
	} {
		p.send(`{"jsonrpc":"2.0","id":1,"method":` + tt.request + "}\n")
		p.wantError("1", params, "invalid params: "+tt.message)
	}
	if got := b.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
	reasons := b.WaitRefusals(t, 16+34)
	slices.Sort(reasons)
	if got := fmt.Sprint(slices.Compact(reasons)); got != "[invalid_params syntax unknown_method]" {
		t.Errorf("refused for %s", got)
	}
}

func TestNotificationsAndBatches(t *testing.T) {
	b := &admintest.Backend{Matches: 1}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	p.send(`{"jsonrpc":"2.0","method":"send","params":{"to":"a","data":"1"}}
{"jsonrpc":"2.0","method":"nonsense"}

[{"jsonrpc":"2.0","method":"send","params":{"to":"a","data":"2"}},{"jsonrpc":"2.0","method":"nonsense"}]
[{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"a","data":"3"}},{"jsonrpc":"2.0","method":"send","params":{"to":"a","data":"4"}},{"jsonrpc":"2.0","id":2,"method":"loglevel"}]
[{"jsonrpc":"2.0","id":3,"method":"loglevel"}]
[` + strings.Repeat("1,", 256) + `1]
`)
	p.want(`[{"jsonrpc":"2.0","id":1,"result":{"id":"e-3","matched":1}},{"jsonrpc":"2.0","id":2,"result":{"level":"normal"}}]
[{"jsonrpc":"2.0","id":3,"result":{"level":"normal"}}]`)
	p.wantError("null", -32600, "a batch of 257 requests")
	wantSent(t, b, "a=1", "a=2", "a=3", "a=4")
}

func TestBatchOfLargeAnswersIsBounded(t *testing.T) {
	b := &admintest.Backend{ClientsAnswer: api.Clients{Clients: make([]api.Client, 1000)}}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	request := `{"jsonrpc":"2.0","id":1,"method":"clients"},`
	p.send(`{"jsonrpc":"2.0","method":"hello"}` + "\n[" + strings.Repeat(request, 50) + `{"jsonrpc":"2.0","method":"send","params":{"to":"a","data":"1"}}]` + "\n")
	if got := strings.Count(p.line(), `"error":{"code":-32002,"message":"the answers to this batch are too large"`); got < 30 || got != 50-len(b.Queries()) {
		t.Errorf("%d requests were refused, %d run", got, len(b.Queries()))
	}
	wantSent(t, b, "a=1")
}

// A request without an id is a notification and gets no answer; one whose id is null is a request
// like any other (JSON-RPC 2.0, section 4).
func TestIDThatIsNull(t *testing.T) {
	b := &admintest.Backend{CountAnswer: api.Count{Streams: 1}}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	p.send(`{"jsonrpc":"2.0","id":null,"method":"send","params":{"to":"a","data":"1"}}` + "\n")
	p.want(`{"jsonrpc":"2.0","id":null,"result":{"id":"e-1","matched":0}}`)
	p.send(`{"jsonrpc":"2.0","method":"send","params":{"to":"a","data":"{\"id\":null}"}}` + "\n")
	p.send(`{"jsonrpc":"2.0", "ID":null,"method":"send","params":{"to":"a","data":"3"}}` + "\n")
	p.wantError("null", -32600, "invalid request: extra fields in request")
	p.send(`[{"jsonrpc":"2.0","method":"count"},{"id" : null,"jsonrpc":"2.0","method":"count"},{"jsonrpc":"2.0","id":7,"method":"count"}]` + "\n")
	p.want(`[{"jsonrpc":"2.0","id":null,"result":{"streams":1}},{"jsonrpc":"2.0","id":7,"result":{"streams":1}}]`)
	p.send(`{"jsonrpc":"2.0","id":null,"method":"nonsense"}` + "\n")
	p.wantError("null", -32601, "there is no method of this name")
	p.send(`[{"jsonrpc":"2.0","method":"count"}]` + "\n" + `{"jsonrpc":"2.0","id":8,"method":"count"}` + "\n")
	p.want(`{"jsonrpc":"2.0","id":8,"result":{"streams":1}}`)
	if got := b.Sent(); len(got) != 2 {
		t.Errorf("sent %v", got)
	}
}

func TestRequestsSplitAndJoined(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		request := `{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"a","data":"x"}}`
		for i := range 20 {
			p.send(request[i*3 : i*3+3])
		}
		p.send(request[60:] + "\n" + request + "\n" + request)
		p.closeWrite() // ends the last one
		p.want(`{"jsonrpc":"2.0","id":1,"result":{"id":"e-1","matched":0}}
{"jsonrpc":"2.0","id":1,"result":{"id":"e-2","matched":0}}
{"jsonrpc":"2.0","id":1,"result":{"id":"e-3","matched":0}}`)
		p.wantClosed()
	})
}

func TestAnswersKeepTheirOrder(t *testing.T) {
	const n = 1700
	late := make(chan struct{})
	b := &admintest.Backend{OnMatched: firstAfter(late)}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	written := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(p.conn, `{"jsonrpc":"2.0","id":%d,"method":"send","params":{"to":"r","data":"%d"}}`+"\n", i, i)
		}
		written <- err
	}()
	// One that the writer waits for, as many as may queue behind it, and no more.
	b.WaitSent(t, 1+256)
	close(late)
	for i := range n {
		p.want(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"id":"e-%d","matched":0}}`, i, i+1))
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	for i, got := range b.Sent() {
		if got.Data != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, got.Data)
		}
	}
}

func TestTooLargeRequests(t *testing.T) {
	b := &admintest.Backend{MessageBytes: 1000}
	doors := admintest.StartServer(t, server.Options{Backend: b, MaxMessage: func() int { return 1000 }})
	p := connect(t, "unix", doors.Socket)
	send := func(id string, escape string, n int) {
		p.send(`{"jsonrpc":"2.0",` + id + `"method":"send","params":{"to":"r","data":"` + strings.Repeat(escape, n) + `"}}` + "\n")
	}
	send(`"id":1,`, `\u0000`, 1000)
	p.want(`{"jsonrpc":"2.0","id":1,"result":{"id":"e-1","matched":0}}`)
	send(`"id":2,`, "x", 1001)
	p.wantError("2", api.CodeTooLarge, "the message has 1001 bytes and the limit is 1000")
	const most = 1000*6 + 64<<10
	send(`"id":3,`, "x", most)
	p.wantError("3", api.CodeTooLarge, fmt.Sprintf("the request has more than %d bytes", most))
	send(`"id":"three",`, "x", most)
	p.wantError(`"three"`, api.CodeTooLarge, fmt.Sprintf("the request has more than %d bytes", most))
	send("", "x", 5*most)
	p.wantError("null", api.CodeTooLarge, fmt.Sprintf("the request has more than %d bytes", most))
	send(`"id":4,`, "x", 1000)
	p.want(`{"jsonrpc":"2.0","id":4,"result":{"id":"e-2","matched":0}}`)
}

func TestRoles(t *testing.T) {
	b := &admintest.Backend{}
	p := connect(t, "tcp", admintest.Start(t, b).TCP)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"hello"}` + "\n")
	if got := p.line(); !strings.Contains(got, `"role":"publish"`) {
		t.Errorf("got %s", got)
	}
	for _, m := range []string{"status", "clients", "rooms", "count", "loglevel", "reinit", "certificates", "limits", "sandbox"} {
		p.send(`{"jsonrpc":"2.0","id":1,"method":"` + m + `"}` + "\n")
		if got := p.line(); !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":1,"result":`) {
			t.Errorf("%s: got %s", m, got)
		}
	}
	for _, m := range []string{"kick", "reload", "drain"} {
		p.send(`{"jsonrpc":"2.0","id":1,"method":"` + m + `","params":{"all":true}}` + "\n")
		p.wantError("1", api.CodeNotAllowed, m+" needs the role admin, and this connection has publish")
	}
	for method, params := range map[string]string{"loglevel": `{"level":"debug"}`, "reinit": `{"enabled":true}`} {
		p.send(rpcCall(method, params))
		p.wantError("1", api.CodeNotAllowed, method+" with params needs the role admin, and this connection has publish")
		p.send(rpcCall(method, `{"loud":1}`))
		p.wantError("1", -32602, `invalid params: unknown field "loud"`)
	}
	if got := fmt.Sprint(b.WaitRefusals(t, 7)); strings.Count(got, "not_allowed") != 5 || strings.Count(got, "invalid_params") != 2 {
		t.Errorf("refused for %s", got)
	}
	if len(b.Kicks())+len(b.Drains()) > 0 {
		t.Error("it was done all the same")
	}
}

func TestRPCErrorsOfTheBackend(t *testing.T) {
	b := &admintest.Backend{
		Errors: map[string]error{
			api.MethodKick:  &api.Error{Code: api.CodeNotFound, Message: "nobody", Hint: "look at clients"},
			api.MethodRooms: context.DeadlineExceeded,
			api.MethodCount: fmt.Errorf("disk on fire"),
		},
		OnMatched: func(context.Context, string) error { return context.DeadlineExceeded },
	}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"kick","params":{"id":"x"}}
{"jsonrpc":"2.0","id":2,"method":"rooms"}
{"jsonrpc":"2.0","id":3,"method":"count"}
{"jsonrpc":"2.0","id":4,"method":"send","params":{"to":"a","data":"x"}}
`)
	p.want(`{"jsonrpc":"2.0","id":1,"error":{"code":-32004,"message":"nobody","data":{"hint":"look at clients"}}}`)
	p.wantError("2", api.CodeOverloaded, "the daemon did not get to it in time")
	p.wantError("3", -32603, "disk on fire")
	p.wantError("4", api.CodeOverloaded, "message e-1 was taken, but its streams were not counted in time")
	if got := fmt.Sprint(b.WaitRefusals(t, 3)); got != "[not_found overloaded internal]" {
		t.Errorf("refused for %s", got)
	}
}

// However many messages an array publishes, its answer waits once for their streams to be counted,
// and not as often as there are messages.
func TestRPCABatchWaitsForItsCountsOnce(t *testing.T) {
	var mu sync.Mutex
	var deadlines []time.Time
	b := &admintest.Backend{OnMatched: func(ctx context.Context, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		at, _ := ctx.Deadline()
		deadlines = append(deadlines, at)
		return context.DeadlineExceeded
	}}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	const one = `{"jsonrpc":"2.0","id":%d,"method":"send","params":{"to":"a","data":"x"}}`
	p.send(fmt.Sprintf(one, 1) + "\n[" + fmt.Sprintf(one, 2) + "," + fmt.Sprintf(one, 3) + "," + fmt.Sprintf(one, 4) + "]\n")
	p.wantError("1", api.CodeOverloaded, "message e-1 was taken, but its streams were not counted in time")
	if line := p.line(); strings.Count(line, "were not counted in time") != 3 {
		t.Errorf("answered %s", line)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(deadlines) != 4 || deadlines[0].IsZero() {
		t.Fatalf("the waits have the deadlines %v", deadlines)
	}
	if deadlines[2] != deadlines[1] || deadlines[3] != deadlines[1] || !deadlines[1].After(deadlines[0]) {
		t.Errorf("the messages of an array share no deadline of their own: %v", deadlines)
	}
}

// invalid matches what the library found first wrong with a request: of several things any one.
var invalid = regexp.MustCompile(`invalid request: [a-z A-Z]*`)

func FuzzRPC(f *testing.F) {
	for _, in := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":["a","b*"],"data":"x\u0000"}}` + "\n",
		`[{"jsonrpc":"2.0","id":"q","method":"count"},{"jsonrpc":"2.0","method":"kick","params":{"all":true}},7]` + "\r\n{",
		`[{"jsonrpc":"2.0","id":null,"method":"send","params":{"to":"a","data":"x"}},{"method":"count","jsonrpc":"2.0"}]` + "\n",
		"{}\n\n[]\nnonsense\n\xff\n" + `{"jsonrpc":"2.0","id":null,"method":"drain","params":{"window_seconds":1e999}}`,
	} {
		f.Add([]byte(in), uint(9))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		b := &admintest.Backend{Matches: 1, MessageBytes: 100}
		whole := server.SpeakJSON(b, 100, in)
		for line := range strings.Lines(whole) {
			checkResponses(t, line)
		}
		for _, p := range b.Sent() {
			if len(p.Data) > 100 || slices.Contains(p.To, "") || strings.ContainsAny(p.Event, "\r\n\x00") || strings.HasPrefix(p.Event, "hasses.") {
				t.Fatalf("published %+v", p)
			}
		}
		at := cut % uint(len(in)+1)
		got := server.SpeakJSON(&admintest.Backend{Matches: 1, MessageBytes: 100}, 100, in[:at], in[at:])
		if invalid.ReplaceAllString(got, "") != invalid.ReplaceAllString(whole, "") {
			t.Fatalf("cut at %d: %s\nwhole: %s", at, got, whole)
		}
	})
}

// checkResponses checks that line holds one response, or an array of them.
func checkResponses(t *testing.T, line string) {
	t.Helper()
	type response struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result"`
		Error   *struct {
			Code    int               `json:"code"`
			Message string            `json:"message"`
			Data    map[string]string `json:"data"`
		} `json:"error"`
	}
	var rs []response
	if !strings.HasPrefix(line, "[") {
		line = "[" + line + "]"
	}
	if err := json.Unmarshal([]byte(line), &rs); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for _, r := range rs {
		if r.Version != "2.0" || len(r.ID) == 0 || (r.Error == nil) == (len(r.Result) == 0) {
			t.Fatalf("got %s", line)
		}
		if r.Error != nil && (r.Error.Code >= 0 || r.Error.Message == "" || r.Error.Data["hint"] == "") {
			t.Fatalf("got %s", line)
		}
	}
}

func BenchmarkRPC(b *testing.B) {
	const n = 1000
	request := `{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"room624","data":"` + strings.Repeat("x", 100) + `"}}` + "\n"
	in := []byte(strings.Repeat(request, n))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if got := strings.Count(server.SpeakJSON(&admintest.Backend{MessageBytes: 1000}, 1000, in), "\n"); got != n {
			b.Fatalf("%d answers", got)
		}
	}
}

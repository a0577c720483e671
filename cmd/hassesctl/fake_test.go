package main

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// fakeDaemon answers the control protocol from files: daemon/METHOD.json is the result of a method,
// METHOD.error.json an error, METHOD.hang never answers and METHOD.close hangs up; METHOD.N.json
// and so on are for its Nth call only. Each call is written down in the file calls. It knows
// JSON-RPC by heart, not by the library that the client uses.
type fakeDaemon struct {
	dir      string
	listener net.Listener
	replace  *strings.Replacer
	done     chan struct{}
	work     sync.WaitGroup

	mu    sync.Mutex
	calls map[string]int
}

func startDaemon(dir string, streams *fakeStreams) (*fakeDaemon, error) {
	listener, err := net.Listen("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		return nil, err
	}
	ca, err := json.Marshal(streams.caPEM)
	if err != nil {
		return nil, err
	}
	d := &fakeDaemon{
		dir:      dir,
		listener: listener,
		replace:  strings.NewReplacer("@URL@", streams.URL, `"@CA@"`, string(ca)),
		done:     make(chan struct{}),
		calls:    map[string]int{},
	}
	d.work.Go(d.accept)
	return d, nil
}

func (d *fakeDaemon) Close() {
	close(d.done)
	d.listener.Close()
	d.work.Wait()
}

func (d *fakeDaemon) accept() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.work.Go(func() {
			<-d.done
			c.Close()
		})
		d.work.Go(func() { d.serve(c) })
	}
}

type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

func (d *fakeDaemon) serve(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var req request
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil || req.Version != "2.0" {
			fmt.Fprintf(c, "not JSON-RPC 2.0: %s\n", lines.Bytes())
			return
		}
		answer, ok := d.answer(req)
		if !ok {
			return
		}
		if answer.Result == nil && answer.Error == nil {
			continue // it hangs
		}
		line, err := json.Marshal(answer)
		if err != nil {
			panic(fmt.Sprintf("a script's answer to %s is no JSON: %v", req.Method, err))
		}
		if _, err := c.Write(append(line, '\n')); err != nil {
			return
		}
	}
}

func (d *fakeDaemon) answer(req request) (response, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[req.Method]++
	note(d.dir, "calls", strings.TrimSpace(req.Method+" "+string(req.Params)))
	answer := response{Version: "2.0", ID: req.ID}
	base := filepath.Join(d.dir, "daemon", req.Method)
	for _, base := range []string{fmt.Sprintf("%s.%d", base, d.calls[req.Method]), base} {
		switch {
		case exists(base + ".hang"):
			return answer, true
		case exists(base + ".close"):
			return answer, false
		case exists(base + ".error.json"):
			answer.Error = d.read(base + ".error.json")
			return answer, true
		case exists(base + ".json"):
			answer.Result = d.read(base + ".json")
			return answer, true
		}
	}
	answer.Error = json.RawMessage(fmt.Sprintf(`{"code":%d,"message":"no method %s"}`, codeMethodNotFound, req.Method))
	return answer, true
}

func (d *fakeDaemon) read(path string) json.RawMessage {
	return json.RawMessage(d.replace.Replace(read(path)))
}

// fakeStreams is where the fake daemon's browsers subscribe: stream/N is the body of the Nth
// answer, with the status in stream/N.status if it is not 200, the content type in stream/N.type,
// and a connection that stays open if there is a stream/N.hold. With no more files, the path is
// gone (404). Each request is written down in the file requests, and ca.pem is the certificate to
// trust.
type fakeStreams struct {
	*httptest.Server
	dir   string
	caPEM string

	mu       sync.Mutex
	requests int
}

func startStreams(dir string) *fakeStreams {
	s := &fakeStreams{dir: dir}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // handshakes fail on purpose
	s.StartTLS()
	s.caPEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	write(filepath.Join(dir, "ca.pem"), s.caPEM)
	return s
}

func (s *fakeStreams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	base := filepath.Join(s.dir, "stream", fmt.Sprint(s.requests))
	line := r.Method + " " + r.URL.RequestURI()
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		line += " after " + id
	}
	note(s.dir, "requests", line)
	s.mu.Unlock()

	if to := read(base + ".redirect"); to != "" {
		http.Redirect(w, r, strings.TrimSpace(to), http.StatusTemporaryRedirect)
		return
	}
	if !exists(base) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"code":"not_found","message":"the script is over"}}`)
		return
	}
	kind := strings.TrimSpace(read(base + ".type"))
	if kind == "" {
		kind = "text/event-stream"
	}
	w.Header().Set("Content-Type", kind)
	status := http.StatusOK
	if text := read(base + ".status"); text != "" {
		if _, err := fmt.Sscan(text, &status); err != nil {
			panic(err)
		}
	}
	w.WriteHeader(status)
	fmt.Fprint(w, read(base))
	if exists(base + ".hold") {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

func note(dir, name, line string) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// read is the file's text, or nothing where there is none.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return string(text)
}

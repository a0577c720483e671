package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"sync"
	"time"
)

// profilesPath is where tools look for profiles.
const profilesPath = "/debug/pprof"

const (
	defaultProfile = 30 * time.Second // as go tool pprof has it
	maxProfile     = 2 * time.Minute
	// profileGrace is how long a profile may take to be written once it is complete.
	profileGrace = time.Minute
)

// profiles serves profiles of the process. net/http/pprof would do that by being imported, to all
// clients, and show the command line besides.
type profiles struct {
	now     func() time.Time
	running sync.Mutex // held while a CPU profile or a trace is taken
}

// Profiles returns the route of the profiles, for administrators alone.
func Profiles(now func() time.Time) Route {
	return Route{Path: profilesPath, Below: true, Access: Admins, Handler: &profiles{now: now}, IsLong: true}
}

// ServeHTTP implements http.Handler.
func (p *profiles) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := strings.Trim(strings.TrimPrefix(req.URL.Path, profilesPath), "/")
	switch name {
	case "":
		p.list(w)
	case "profile":
		p.take(w, req, pprof.StartCPUProfile, pprof.StopCPUProfile)
	case "trace":
		p.take(w, req, trace.Start, trace.Stop)
	default:
		p.write(w, req, name)
	}
}

func (p *profiles) list(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintln(w, "profile?seconds=30\ntrace?seconds=5")
	for _, one := range pprof.Profiles() {
		_, _ = fmt.Fprintf(w, "%s (%d)\n", one.Name(), one.Count())
	}
}

// write writes what has been counted since the start.
func (p *profiles) write(w http.ResponseWriter, req *http.Request, name string) {
	one := pprof.Lookup(name)
	if one == nil {
		WriteError(w, http.StatusNotFound, "not_found", "there is no such profile; "+profilesPath+"/ lists them")
		return
	}
	debug, err := strconv.Atoi(req.FormValue("debug"))
	if err != nil {
		debug = 0
	}
	if !p.bound(w, profileGrace) {
		return
	}
	setProfileType(w, debug > 0)
	_ = one.WriteTo(w, debug) // or the client has left
}

// take writes what happens from now on, for as many seconds as the request says.
func (p *profiles) take(w http.ResponseWriter, req *http.Request, start func(io.Writer) error, stop func()) {
	length := defaultProfile
	if text := req.FormValue("seconds"); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if length = time.Duration(n * float64(time.Second)); err != nil || length <= 0 || length > maxProfile {
			WriteError(w, http.StatusBadRequest, "bad_request", "seconds must be over 0 and at most "+strconv.Itoa(int(maxProfile.Seconds())))
			return
		}
	}
	if !p.running.TryLock() {
		WriteError(w, http.StatusConflict, "busy", "another profile is being taken; try again later")
		return
	}
	defer p.running.Unlock()
	if !p.bound(w, length+profileGrace) {
		return
	}
	setProfileType(w, false)
	if err := start(w); err != nil {
		WriteError(w, http.StatusInternalServerError, "internal", "the profile cannot be started: "+err.Error())
		return
	}
	defer stop()
	wait(req.Context(), length)
}

// bound gives the response so long.
func (p *profiles) bound(w http.ResponseWriter, d time.Duration) bool {
	return http.NewResponseController(w).SetWriteDeadline(p.now().Add(d)) == nil
}

func setProfileType(w http.ResponseWriter, isText bool) {
	kind := "application/octet-stream"
	if isText {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
}

func wait(ctx context.Context, d time.Duration) {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
}

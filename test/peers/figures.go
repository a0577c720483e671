package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"time"
)

// figure is one load, and the servers that carry it.
type figure struct {
	name      string
	curve     string
	flags     []string // of hassesctl bench
	posts     bool     // publishers are measured, see bench.PostResult
	servers   []server
	meanwhile func(ctx context.Context, p place) // what else goes on
}

// The names of the figures.
const (
	idle10        = "idle 10000"
	idle19        = "idle 19000"
	idle1         = "idle 1000"
	saturate10    = "saturated 10000"
	saturate1     = "saturated 1000"
	single        = "one at a time 10000"
	singleFew     = "one at a time, 1000" // a comma, so that -only tells the two apart
	manyRooms     = "1000 rooms"
	stormy        = "storm of 5000"
	listed        = "clients listed"
	unlisted      = "no clients listed"
	scraped       = "metrics scraped"
	unscraped     = "no metrics scraped"
	idleScraped   = "metrics scraped idle 10000"
	idleUnscraped = "no metrics scraped idle 10000"
	hybrid        = ", X25519MLKEM768"

	// Those over HTTP/2 have it in their names, so that -only selects them.
	idleOver2     = "HTTP/2 idle 10000"
	idleMany      = "HTTP/2 idle 50000 on 5000"
	singleOver2   = "HTTP/2 one at a time 10000"
	saturateOver2 = "HTTP/2 saturated 10000 on 1000"

	// Of publishers that POST.
	postNobody = "POST to nobody"
	postOne    = "POST to 1 stream"
	postMany   = "POST to 100 streams"
)

// onConnection is how many streams share a connection of HTTP/2 where they share one.
const onConnection = 10

// figures are all of them; quick ones have a fortieth of the streams and little time.
func figures(quick bool) []figure {
	const x25519 = "X25519"
	streams := func(n int) string {
		if quick {
			n /= 40
		}
		return fmt.Sprint(n)
	}
	during := func(duration, warmup, settle string) []string {
		if quick {
			duration, warmup, settle = "1s", "200ms", "200ms"
		}
		return []string{"--duration", duration, "--warmup", warmup, "--settle", settle}
	}
	load := func(times []string, flags ...string) []string { return append(flags, times...) }

	daemon := hassesd("hassesd")
	others := []server{nethttp, nginx(1), nginx(2)}
	all := append([]server{daemon}, others...)
	// The collector gives memory back for a while after the handshakes.
	still := during("5s", "0s", "20s")
	lively := during("10s", "2s", "3s")
	overHTTP2 := []figure{
		{
			name: idleOver2, curve: x25519,
			servers: append([]server{renamed(daemon, "hassesd, HTTP/1.1")}, over2(1, daemon, nethttp, nginx(1))...),
			flags:   load(still, "--scenario", "idle", "--streams", streams(10000)),
		},
		{
			name: idleMany, curve: x25519, servers: over2(onConnection, daemon, nethttp, nginx(1)),
			flags: load(still, "--scenario", "idle", "--streams", streams(50000)),
		},
		{
			name: singleOver2, curve: x25519,
			servers: slices.Concat([]server{renamed(daemon, "hassesd, HTTP/1.1")}, over2(1, daemon, nethttp, nginx(1)),
				over2(onConnection, renamed(daemon, "hassesd"+tenEach), renamed(nethttp, "net/http"+tenEach), renamed(nginx(1), "nginx+nchan 1"+tenEach))),
			flags: load(lively, "--rate", "10", "--streams", streams(10000)),
		},
		{
			name: saturateOver2, curve: x25519, servers: over2(onConnection, daemon, nethttp, nginx(1), nginx(2)),
			flags: load(lively, "--in-flight", "64", "--streams", streams(10000)),
		},
	}
	return append(append(overHTTP2, posts(quick)...), []figure{
		{name: idle1, curve: x25519, servers: []server{daemon}, flags: load(still, "--scenario", "idle", "--streams", streams(1000))},
		{name: idle10, curve: x25519, servers: all, flags: load(still, "--scenario", "idle", "--streams", streams(10000))},
		{name: idle19, curve: x25519, servers: all, flags: load(still, "--scenario", "idle", "--streams", streams(19000))},
		{name: idle10 + hybrid, curve: "X25519MLKEM768", servers: []server{daemon, nethttp}, flags: load(still, "--scenario", "idle", "--streams", streams(10000))},
		{
			name: saturate10, curve: x25519, servers: append([]server{hassesd("hassesd, 1 loop", "--loops", "1")}, all...),
			flags: load(lively, "--in-flight", "64", "--streams", streams(10000)),
		},
		{
			name: saturate1, curve: x25519, servers: append([]server{hassesd("hassesd, 1 loop", "--loops", "1")}, all...),
			flags: load(lively, "--in-flight", "64", "--streams", streams(1000)),
		},
		{name: saturate1 + hybrid, curve: "X25519MLKEM768", servers: []server{daemon, nethttp}, flags: load(lively, "--in-flight", "64", "--streams", streams(1000))},
		{
			name: single, curve: x25519,
			servers: slices.Concat(all, []server{hassesd("hassesd, 1 loop", "--loops", "1"), bareWrite("bare write", 1), bareWrite("bare write, 2 threads", 2)}),
			flags:   load(lively, "--rate", "10", "--streams", streams(10000)),
		},
		{
			name: singleFew, curve: x25519, servers: append(slices.Clone(all), hassesd("hassesd, 1 loop", "--loops", "1")),
			flags: load(lively, "--rate", "10", "--streams", streams(1000)),
		},
		{
			name: manyRooms, curve: x25519, servers: all,
			flags: load(lively, "--scenario", "rooms", "--rate", "1000", "--rooms", streams(1000), "--streams", streams(10000)),
		},
		{
			name: stormy, curve: x25519, servers: []server{daemon},
			flags: load(lively, "--scenario", "storm", "--rate", "20", "--storm-size", streams(5000), "--streams", streams(10000)),
		},
		{name: unscraped, curve: x25519, servers: []server{monitored}, flags: load(lively, "--rate", "20", "--streams", streams(10000))},
		{name: scraped, curve: x25519, servers: []server{monitored}, flags: load(lively, "--rate", "20", "--streams", streams(10000)), meanwhile: scrape},
		{name: idleUnscraped, curve: x25519, servers: []server{monitored}, flags: load(still, "--scenario", "idle", "--streams", streams(10000))},
		{name: idleScraped, curve: x25519, servers: []server{monitored}, flags: load(still, "--scenario", "idle", "--streams", streams(10000)), meanwhile: scrape},
		{name: unlisted, curve: x25519, servers: []server{daemon}, flags: load(lively, "--rate", "5", "--streams", streams(19000))},
		{name: listed, curve: x25519, servers: []server{daemon}, flags: load(lively, "--rate", "5", "--streams", streams(19000)), meanwhile: listClients},
	}...)
}

// posts are the figures of publishers over HTTP/1.1 without TLS.
func posts(quick bool) []figure {
	duration := "10s"
	if quick {
		duration = "500ms"
	}
	list := make([]figure, 0, 3)
	for _, to := range []struct{ name, streams string }{{postNobody, "0"}, {postOne, "1"}, {postMany, "100"}} {
		list = append(list, figure{
			name: to.name, posts: true, servers: []server{publishing, nethttpPublishing},
			flags: []string{"--publish-http", "--streams", to.streams, "--duration", duration, "--warmup", "1s"},
		})
	}
	return list
}

// tenEach is the end of the name of a server that is measured with onConnection streams on each connection beside one with
// one.
const tenEach = ", 10 a connection"

// over2 returns the servers, to be measured over HTTP/2 with so many streams on each connection.
func over2(streams int, servers ...server) []server {
	list := slices.Clone(servers)
	for i, s := range list {
		list[i].flags = func(p place) []string {
			return append(s.flags(p), "--http2", "--streams-per-connection", fmt.Sprint(streams))
		}
	}
	return list
}

func renamed(s server, name string) server {
	s.name = name
	return s
}

// monitored is hassesd with a listener for operators.
var monitored = hassesd(own, "--api-listen", "http://"+operatorsAt)

// scrape reads the metrics once a second, as Prometheus does at its fastest.
func scrape(ctx context.Context, _ place) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+operatorsAt+"/metrics", nil)
		if err != nil {
			return
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // the daemon begins, or ends
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// listClients asks for all clients again and again.
func listClients(ctx context.Context, p place) {
	for ctx.Err() == nil {
		// What it answers while streams are being opened is of no interest, nor that it ends with the daemon.
		_, _ = command(ctx, filepath.Join(p.bin, "hassesctl"), "--socket", socket(p), "--timeout", "30s", "--json", "clients")
	}
}

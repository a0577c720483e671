package bench

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// roomPlace is what stands for the room's name in a URL.
const roomPlace = "{room}"

// target is where streams, or messages, go: a URL in which {room} stands for the room.
type target struct {
	path    string // with {room}, and the query
	secure  bool
	address string // host:port
	host    string // for the Host field
	name    string // for the certificate
	headers string // further fields of each request, lines with their ends
}

func newTarget(template string, headers []string) (target, error) {
	const stand = "room-of-the-bench"
	u, err := url.Parse(strings.ReplaceAll(template, roomPlace, stand))
	if err != nil {
		return target{}, fmt.Errorf("%q is not a URL: %w", template, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Contains(u.Host, stand) {
		return target{}, fmt.Errorf("%q is not the URL of a server, such as https://HOST/PATH with %s in it", template, roomPlace)
	}
	t := target{
		path:   strings.ReplaceAll(u.RequestURI(), stand, roomPlace),
		secure: u.Scheme == "https",
		host:   u.Host,
		name:   u.Hostname(),
	}
	if !strings.Contains(t.path, roomPlace) {
		return target{}, fmt.Errorf("%q has no place for the room: put %s there", template, roomPlace)
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if t.secure {
			port = "443"
		}
	}
	t.address = net.JoinHostPort(t.name, port)
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || name == "" || strings.ContainsAny(h, "\r\n\x00") {
			return target{}, fmt.Errorf("header %q: must be NAME: VALUE", h)
		}
		t.headers += name + ": " + strings.TrimSpace(value) + "\r\n"
	}
	return t, nil
}

// subscription returns the request of a stream.
func (t *target) subscription(room, lastID string) []byte {
	b := []byte("GET " + t.at(room) + " HTTP/1.1\r\nHost: " + t.host +
		"\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\nUser-Agent: hassesctl-bench\r\n" + t.headers)
	if lastID != "" {
		b = append(b, "Last-Event-ID: "+lastID+"\r\n"...)
	}
	return append(b, "\r\n"...)
}

// fields returns the head of the same request in HTTP/2.
func (t *target) fields(room, lastID string) ([]hpack.HeaderField, error) {
	scheme := "http"
	if t.secure {
		scheme = "https"
	}
	authority := t.host
	var rest []hpack.HeaderField
	for line := range strings.Lines(t.headers) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ": ")
		switch name = strings.ToLower(name); name {
		case "host":
			authority = value
			continue
		case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
			return nil, fmt.Errorf("header %q: HTTP/2 has no such field", name)
		}
		rest = append(rest, hpack.HeaderField{Name: name, Value: value})
	}
	head := []hpack.HeaderField{
		{Name: ":method", Value: "GET"},
		{Name: ":scheme", Value: scheme},
		{Name: ":authority", Value: authority},
		{Name: ":path", Value: t.at(room)},
		{Name: "accept", Value: "text/event-stream"},
		{Name: "cache-control", Value: "no-cache"},
		{Name: "user-agent", Value: "hassesctl-bench"},
	}
	head = append(head, rest...)
	if lastID != "" {
		head = append(head, hpack.HeaderField{Name: "last-event-id", Value: lastID})
	}
	return head, nil
}

// publication returns the request that publishes body.
func (t *target) publication(room string, body []byte) []byte {
	b := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: hassesctl-bench\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n",
		t.at(room), t.host, len(body), t.headers)
	return append(b, body...)
}

// at returns the request target for a room. The names of our rooms need no escaping.
func (t *target) at(room string) string { return strings.ReplaceAll(t.path, roomPlace, room) }

// isLoopback reports whether the target is an IPv4 loopback address, of which the machine has many
// more.
func (t *target) isLoopback() bool {
	a, err := netip.ParseAddr(t.name)
	return err == nil && a.Is4() && a.IsLoopback()
}

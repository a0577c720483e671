// Package subscription makes the requests and the trust of subscribers of hassesd.
package subscription

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// Query returns the query that names the rooms, and the client's id unless it is empty. Only the
// newer grammar can name a room with '-', the separator of the older one.
func Query(rooms []string, id string) (url.Values, error) {
	query := url.Values{}
	var simple []string
	for _, room := range rooms {
		switch {
		case room == "":
			return nil, exit.Usagef("the name of a room must not be empty")
		case room == "*" && len(rooms) > 1:
			return nil, exit.Usagef("'*' already means every room: give it alone")
		case strings.Contains(room, "-"):
			query.Add("room", room)
		default:
			simple = append(simple, room)
		}
	}
	if len(simple) > 0 {
		query.Set("subscribe", strings.Join(simple, "-"))
	}
	if id != "" {
		query.Set("id", id)
	}
	return query, nil
}

// URL adds the query to the address where browsers subscribe. An address that only states where the
// daemon listens, such as 0.0.0.0, becomes one that can be connected to.
func URL(address string, query url.Values) (string, error) {
	if address == "" {
		return "", &exit.Error{Code: exit.Failed, Err: errors.New("the daemon does not know where browsers subscribe"), Hint: "give the address with --url"}
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", exit.Usagef("%q is not a URL: %w", address, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", exit.Usagef("%q is not a URL to subscribe at, such as https://HOST/PATH", address)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "" || ip != nil && ip.IsUnspecified() {
		port := u.Port()
		if u.Host = "localhost"; port != "" {
			u.Host = net.JoinHostPort("localhost", port)
		}
	}
	given := u.Query()
	for name, values := range query {
		given[name] = slices.Concat(given[name], values)
	}
	u.RawQuery = given.Encode()
	u.Fragment = ""
	return u.String(), nil
}

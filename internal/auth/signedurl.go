package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/safetext"
)

// URLKey signs URLs and verifies signatures.
type URLKey struct {
	ID  string // empty: URLs without kid
	key secret
}

// NewURLKey reads a key from the content of its file.
func NewURLKey(id string, file []byte) (URLKey, error) {
	if err := checkKeyID(id); err != nil {
		return URLKey{}, err
	}
	key, err := readSecret(file)
	if err != nil {
		return URLKey{}, err
	}
	return URLKey{ID: id, key: key}, nil
}

// Sign returns the query with its signature and with the key's id, if it has one. It returns an
// error for a query that the daemon would refuse whatever the signature.
func (k URLKey) Sign(rawQuery string) (string, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return "", err
	}
	if q.has(paramKey) || q.has(paramSignature) {
		return "", errors.New("the query has a signature already")
	}
	g, err := q.grant()
	if err != nil {
		return "", err
	}
	if err := g.checkNames(); err != nil {
		return "", err
	}
	if k.ID != "" {
		q = append(q, parameter{paramKey, k.ID})
	}
	canonical := q.canonical()
	return canonical + "&" + paramSignature + "=" + base64.RawURLEncoding.EncodeToString(k.mac(canonical)), nil
}

// checkNames returns an error unless a stream can be opened for the names of a URL's grant.
func (g *Grant) checkNames() error {
	if len(g.Rooms) == 0 {
		return errors.New("the query names no room")
	}
	for _, room := range g.Rooms {
		if room.Kind == names.Room && strings.HasSuffix(room.Name, "*") {
			return fmt.Errorf("%s is not a room: a URL names each of its rooms, only tokens have prefixes", safetext.Quote(room.Name))
		}
		if err := room.Check(); err != nil {
			return fmt.Errorf("the room %s %w", safetext.Quote(room.Name), err)
		}
	}
	if err := names.CheckClientID(g.ID); err != nil {
		return fmt.Errorf("the id %w", err)
	}
	return nil
}

func (k URLKey) mac(canonical string) []byte {
	h := hmac.New(sha256.New, k.key())
	h.Write([]byte(canonical))
	return h.Sum(nil)
}

// checkURLKeys refuses duplicate ids.
func checkURLKeys(keys []URLKey) error {
	for i, k := range keys {
		if slices.ContainsFunc(keys[:i], func(other URLKey) bool { return other.ID == k.ID }) {
			return fmt.Errorf("two keys for signed URLs have the id %q", k.ID)
		}
	}
	return nil
}

// verifyURL returns the grant of a signed query. It verifies the signature before it reads anything
// else.
func verifyURL(keys []URLKey, q query) (Grant, error) {
	id, _, err := q.single(paramKey)
	if err != nil {
		return Grant{}, err
	}
	text, _, err := q.single(paramSignature)
	if err != nil {
		return Grant{}, err
	}
	i := slices.IndexFunc(keys, func(k URLKey) bool { return k.ID == id })
	if i < 0 {
		return Grant{}, UnknownKey
	}
	// Some languages pad by default.
	signature, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return Grant{}, Malformed
	}
	if !hmac.Equal(signature, keys[i].mac(q.canonical())) {
		return Grant{}, BadSignature
	}
	return q.grant()
}

// grant returns what a query asks for, which is what its signature grants.
func (q query) grant() (Grant, error) {
	g := Grant{From: FromURL}
	for _, p := range q {
		var rooms []string
		switch p.name {
		case paramSubscribe:
			rooms = strings.Split(p.value, "-")
		case paramRoom:
			rooms = []string{p.value}
		}
		for _, room := range rooms {
			switch room {
			case "": // as in the query of a subscription
			case names.Everything.String():
				g.Rooms = append(g.Rooms, names.Everything)
			default:
				g.Rooms = append(g.Rooms, names.Target{Kind: names.Room, Name: room})
			}
		}
	}
	var err error
	if g.ID, _, err = q.single(paramID); err != nil {
		return Grant{}, err
	}
	var ok bool
	if g.Opens, ok, err = q.moment(paramExpires); err != nil {
		return Grant{}, err
	} else if !ok {
		return Grant{}, Malformed // without an end, the URL would be a password
	}
	if g.Until, _, err = q.moment(paramUntil); err != nil {
		return Grant{}, err
	}
	if g.Address, err = q.address(); err != nil {
		return Grant{}, err
	}
	return g, nil
}

// maxSeconds is the last second of the year 9999, which RFC 3339 can still write.
const maxSeconds = 253402300799

// moment reads seconds since 1970, decimal digits only.
func (q query) moment(name string) (at time.Time, ok bool, err error) {
	text, ok, err := q.single(name)
	if err != nil || !ok {
		return time.Time{}, false, err
	}
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil || seconds > maxSeconds || text[0] == '+' {
		return time.Time{}, false, Malformed
	}
	return time.Unix(int64(seconds), 0), true, nil
}

// address reads an address, or a network as 2001:db8::/64.
func (q query) address() (netip.Prefix, error) {
	text, ok, err := q.single(paramAddress)
	if err != nil || !ok {
		return netip.Prefix{}, err
	}
	return ParseAddress(text)
}

// ParseAddress reads the value of ip=, an address or a network.
func ParseAddress(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if p, err := netip.ParsePrefix(text); err == nil && !p.Addr().Is4In6() {
		return p, nil
	}
	return netip.Prefix{}, Malformed
}

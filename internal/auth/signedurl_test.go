package auth

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSignedURLKnownAnswer holds the signature against one made with openssl: printf %s
// 'exp=1772359200&id=ann&kid=2026&room=%C3%BCber&room=a-b' | openssl dgst -sha256 -hmac SECRET
// -binary | basenc --base64url
func TestSignedURLKnownAnswer(t *testing.T) {
	got, err := urlKey(t, "2026", secretText).Sign("room=über&room=a-b&id=ann&exp=" + soon)
	const want = "exp=1772359200&id=ann&kid=2026&room=%C3%BCber&room=a-b&sig=1oBs0tmG0MW1BTlpT0X8DyPlgOXnAi4WjUkgyIj5554"
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestSignedURL(t *testing.T) {
	keys := []URLKey{urlKey(t, "", secretText), urlKey(t, "new", anotherText)}
	p := policy(t, Options{URLKeys: keys})
	signed := func(key int, query string) string {
		t.Helper()
		q, err := keys[key].Sign(query)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	const base = "subscribe=a-b&room=c-d&exp=" + soon
	good := signed(0, base)
	for _, tt := range []struct {
		name, query string
		want        Denial // 0: granted
	}{
		{"as it was signed", good, 0},
		{"by the other key", signed(1, base), 0},
		{"padded", good + "=", 0},
		{"with an event to resume after", good + "&lastEventId=e-1&lastEventId=e-2", 0},
		{"in another order", reorder(good), 0},
		{"written otherwise", strings.ReplaceAll(good, "room=c-d", "ro%6fm=c%2dd"), 0},
		{"another room", strings.ReplaceAll(good, "room=c-d", "room=c-e"), BadSignature},
		{"a room more", good + "&room=x", BadSignature},
		{"a room less", strings.ReplaceAll(good, "&subscribe=a-b", ""), BadSignature},
		{"an id", good + "&id=x", BadSignature},
		{"a parameter nobody knows", good + "&x=1", BadSignature},
		{"a later end", strings.ReplaceAll(good, soon, "1772369999"), BadSignature},
		{"no signature", base, NoCredentials},
		{"an empty signature", base + "&sig=", BadSignature},
		{"a signature of another length", base + "&sig=AAAA", BadSignature},
		{"garbage for a signature", base + "&sig=%00!", Malformed},
		{"loose bits at the end of the signature", loosen(good), Malformed},
		{"two signatures", good + "&sig=x", Ambiguous},
		{"a key that is not there", good + "&kid=other", UnknownKey},
		{"a key with the name of a file", good + "&kid=..%2F..%2Fetc%2Fpasswd", UnknownKey},
		{"the other key's name", good + "&kid=new", BadSignature},
		{"two keys", good + "&kid=new&kid=new", Ambiguous},
		{"broken encoding", good + "&x=%zz", Malformed},
	} {
		g, err := p.Authorize(Credentials{Query: tt.query, Address: visitor}, now)
		if tt.want != 0 {
			wantDenial(t, err, tt.want)
			if err == nil {
				t.Errorf("%s: granted %+v", tt.name, g)
			}
			continue
		}
		if err != nil || !slices.Equal(slices.SortedFunc(slices.Values(g.Rooms), byName), targets(t, "a", "b", "c-d")) || g.From != FromURL {
			t.Errorf("%s: %+v, %v", tt.name, g, err)
		}
	}
}

func reorder(query string) string {
	pieces := strings.Split(query, "&")
	slices.Reverse(pieces)
	return strings.Join(pieces, "&")
}

// loosen sets a bit of the last character that decoders may ignore.
func loosen(query string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, query[len(query)-1])
	return query[:len(query)-1] + string(alphabet[last|1])
}

func TestSignedURLInTimeAndPlace(t *testing.T) {
	key := urlKey(t, "", secretText)
	p := policy(t, Options{URLKeys: []URLKey{key}})
	at := func(offset time.Duration) time.Time { return now.Add(offset) }
	const until = "&until=1772362800" // two hours after now
	for _, tt := range []struct {
		name, query, from string
		at                time.Time
		want              Denial
	}{
		{"in time", "room=a&exp=" + soon, "192.0.2.7", at(time.Hour - 1), 0},
		{"at the very end", "room=a&exp=" + soon, "192.0.2.7", at(time.Hour), Expired},
		{"until later", "room=a&exp=" + soon + until, "192.0.2.7", now, 0},
		{"until earlier than it opens", "room=a&exp=1772362800&until=" + soon, "192.0.2.7", at(time.Hour), Expired},
		{"the address", "room=a&ip=192.0.2.7&exp=" + soon, "192.0.2.7", now, 0},
		{"the address inside IPv6", "room=a&ip=192.0.2.7&exp=" + soon, "::ffff:192.0.2.7", now, 0},
		{"signed inside IPv6", "room=a&ip=::ffff:192.0.2.7&exp=" + soon, "192.0.2.7", now, 0},
		{"another address", "room=a&ip=192.0.2.7&exp=" + soon, "192.0.2.8", now, WrongAddress},
		{"a network", "room=a&ip=2001:db8:1:2::/64&exp=" + soon, "2001:db8:1:2:abcd::1", now, 0},
		{"the network's address with bits", "room=a&ip=2001:db8:1:2::5/64&exp=" + soon, "2001:db8:1:2:abcd::1", now, 0},
		{"another network", "room=a&ip=2001:db8:1:2::/64&exp=" + soon, "2001:db8:1:3::1", now, WrongAddress},
		{"another family", "room=a&ip=2001:db8:1:2::/64&exp=" + soon, "192.0.2.7", now, WrongAddress},
	} {
		query, err := key.Sign(tt.query)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		g, err := p.Authorize(Credentials{Query: query, Address: netip.MustParseAddr(tt.from)}, tt.at)
		if tt.want != 0 {
			if err == nil {
				t.Errorf("%s: granted", tt.name)
			}
			wantDenial(t, err, tt.want)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if wantUntil := strings.Contains(tt.query, until); g.Until.IsZero() == wantUntil {
			t.Errorf("%s: until %s", tt.name, g.Until)
		}
	}
}

// TestSignedNonsenseIsRefused signs by hand what Sign would not: a key in the wrong hands of a
// careless site.
func TestSignedNonsenseIsRefused(t *testing.T) {
	key := urlKey(t, "", secretText)
	p := policy(t, Options{URLKeys: []URLKey{key}})
	for _, query := range []string{
		"room=a", "room=a&exp=", "room=a&exp=soon", "room=a&exp=-1", "room=a&exp=%2B1772359200", "room=a&exp=1772359200.5",
		"room=a&exp=1e12", "room=a&exp=99999999999999999999", "room=a&exp=999999999999", "room=a&exp=0x70000000",
		"room=a&until=x&exp=" + soon, "room=a&ip=x&exp=" + soon, "room=a&ip=fe80::1%25eth0&exp=" + soon, "room=a&ip=&exp=" + soon,
		"room=a&exp=" + soon + "&exp=" + soon, "room=a&id=x&id=x&exp=" + soon, "room=a&ip=192.0.2.7&ip=192.0.2.7&exp=" + soon,
	} {
		if signed, err := key.Sign(query); err == nil {
			t.Errorf("%s is signed: %s", query, signed)
		}
		canonical, err := canonical(query)
		if err != nil {
			t.Fatal(err)
		}
		c := Credentials{Query: query + "&sig=" + base64URL(key.mac(canonical)), Address: visitor}
		if g, err := p.Authorize(c, now); err == nil {
			t.Errorf("%s is granted: %+v", query, g)
		}
	}
	if _, err := key.Sign("room=a&kid=x&exp=" + soon); err == nil {
		t.Error("a query with a key is signed with another")
	}
}

// TestNothingIsSignedThatNoStreamHas is of names that the daemon refuses, whoever signs them.
func TestNothingIsSignedThatNoStreamHas(t *testing.T) {
	key := urlKey(t, "", secretText)
	for _, query := range []string{
		"x=y", "subscribe=-", "room=a*b", "subscribe=a-news*", "room=a%3Bb", "room=a%00", "room=%FF",
		"room=" + strings.Repeat("x", 257), "room=a&id=" + strings.Repeat("x", 65), "room=a&id=%0A",
	} {
		if signed, err := key.Sign(query + "&exp=" + soon); err == nil {
			t.Errorf("%s is signed: %s", query, signed)
		}
	}
	for _, query := range []string{"subscribe=*", "room=*&room=a", "subscribe=-a--b-", "room=&room=a&id="} {
		if _, err := key.Sign(query + "&exp=" + soon); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for name, text := range map[string]string{
		"short": strings.Repeat("x", 31), "long": strings.Repeat("x", 1025), "empty": "", "binary": strings.Repeat("\x01", 40),
		"blanks inside": strings.Repeat("word ", 10), "PEM": string(publicPEM(t, signers()[ES256].Public())), "not ASCII": strings.Repeat("ü", 20),
	} {
		if _, err := NewURLKey("", []byte(text)); err == nil {
			t.Errorf("%s: is taken for a key", name)
		} else if strings.Contains(err.Error(), "xxx") || strings.Contains(err.Error(), "word") {
			t.Errorf("%s: the error tells the key: %v", name, err)
		}
	}
	for _, id := range []string{"a b", "a/b", "ä", strings.Repeat("x", 65), "a=b"} {
		if _, err := NewURLKey(id, []byte(secretText)); err == nil {
			t.Errorf("%q is taken for a key id", id)
		}
	}
	a, b := urlKey(t, "x", secretText), urlKey(t, "x", anotherText)
	if _, err := NewPolicy(Options{URLKeys: []URLKey{a, b}}); err == nil {
		t.Error("two keys of one name make a policy")
	}
	if _, err := NewPolicy(Options{}); err == nil {
		t.Error("no key at all makes a policy")
	}
}

func TestWhiteSpaceAroundAKeyIsNotPartOfIt(t *testing.T) {
	a, err := urlKey(t, "", secretText).Sign("room=a&exp=" + soon)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := urlKey(t, "", "\t "+secretText+" \r\n\n").Sign("room=a&exp=" + soon); err != nil || a != b {
		t.Errorf("%s, %v; want %s", b, err, a)
	}
}

func BenchmarkSignedURL(b *testing.B) {
	key := urlKey(b, "2026", secretText)
	query, err := key.Sign("subscribe=a-b&room=c-d&id=ann&exp=" + soon)
	if err != nil {
		b.Fatal(err)
	}
	p := policy(b, Options{URLKeys: []URLKey{key}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Authorize(Credentials{Query: query, Address: visitor}, now); err != nil {
			b.Fatal(err)
		}
	}
}

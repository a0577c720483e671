package auth

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/names"
)

func TestWhereTokensStand(t *testing.T) {
	key := signingKey(t, "", HS256)
	v := tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "", HS256)}})
	good, other := mint(t, key, Mint{Subscribe: []string{"a"}}), mint(t, key, Mint{Subscribe: []string{"b"}})
	usual := Options{Tokens: v, Cookie: "__Secure-hassesd"}
	inQuery := Options{Tokens: v, Query: true}
	both := Options{Tokens: v, Cookie: "c", Query: true, URLKeys: []URLKey{urlKey(t, "", secretText)}}
	for _, tt := range []struct {
		name string
		o    Options
		c    Credentials
		from Source
		want Denial
	}{
		{"header", usual, Credentials{Authorization: "Bearer " + good}, FromHeader, 0},
		{"header in small letters", usual, Credentials{Authorization: "bearer  " + good}, FromHeader, 0},
		{"another scheme", usual, Credentials{Authorization: "Basic eDp5"}, 0, NoCredentials},
		{"a scheme that only begins so", usual, Credentials{Authorization: "Bearerx " + good}, 0, NoCredentials},
		{"a scheme without a token", usual, Credentials{Authorization: "Bearer"}, 0, NoCredentials},
		{"two tokens in the header", usual, Credentials{Authorization: "Bearer " + good + " " + good}, 0, Malformed},
		{"cookie", usual, Credentials{Cookie: "a=b; __Secure-hassesd=" + good + "; c=d"}, FromCookie, 0},
		{"cookie in quotes", usual, Credentials{Cookie: `__Secure-hassesd="` + good + `"`}, FromCookie, 0},
		{"cookie without blanks", usual, Credentials{Cookie: "a=b;__Secure-hassesd=" + good}, FromCookie, 0},
		{"another cookie", usual, Credentials{Cookie: "x__Secure-hassesd=" + good + "; hassesd=" + good}, 0, NoCredentials},
		{"cookie in another case", usual, Credentials{Cookie: "__secure-hassesd=" + good}, 0, NoCredentials},
		{"an empty cookie", usual, Credentials{Cookie: "__Secure-hassesd="}, 0, NoCredentials},
		{"cookie twice", usual, Credentials{Cookie: "__Secure-hassesd=" + good + "; __Secure-hassesd=" + other}, 0, Ambiguous},
		{"cookie twice, the same", usual, Credentials{Cookie: "__Secure-hassesd=" + good + "; a=b; __Secure-hassesd=" + good}, FromCookie, 0},
		{"cookie twice, the same, once in quotes", usual, Credentials{Cookie: "__Secure-hassesd=" + good + `; __Secure-hassesd="` + good + `"`}, FromCookie, 0},
		{"cookie twice, first empty", usual, Credentials{Cookie: "__Secure-hassesd=; __Secure-hassesd=" + good}, FromCookie, 0},
		{"cookie twice, then empty", usual, Credentials{Cookie: "__Secure-hassesd=" + good + `; __Secure-hassesd=""`}, FromCookie, 0},
		{"cookie three times, two of them different", usual, Credentials{Cookie: "__Secure-hassesd=" + good + "; __Secure-hassesd=; __Secure-hassesd=" + other}, 0, Ambiguous},
		{"cookie without a value, twice", usual, Credentials{Cookie: "__Secure-hassesd; __Secure-hassesd="}, 0, NoCredentials},
		{"the header goes before the cookie", usual, Credentials{Authorization: "Bearer " + good, Cookie: "__Secure-hassesd=bad"}, FromHeader, 0},
		{"a bad header is not mended by the cookie", usual, Credentials{Authorization: "Bearer bad", Cookie: "__Secure-hassesd=" + good}, 0, Malformed},
		{"query where it is not allowed", usual, Credentials{Query: "token=" + good}, 0, NoCredentials},
		{"query", inQuery, Credentials{Query: "room=a&token=" + good}, FromQuery, 0},
		{"query twice", inQuery, Credentials{Query: "token=" + good + "&token=" + good}, 0, Ambiguous},
		{"query and header", inQuery, Credentials{Query: "token=" + good, Authorization: "Bearer " + good}, 0, Ambiguous},
		{"no cookies at all", inQuery, Credentials{Cookie: "__Secure-hassesd=" + good + "; =" + good}, 0, NoCredentials},
		{"nothing", both, Credentials{Query: "room=a"}, 0, NoCredentials},
		{"a token where URLs may be signed, too", both, Credentials{Cookie: "c=" + good}, FromCookie, 0},
		{"a bad signature is not mended by a token", both, Credentials{Query: "room=a&exp=" + soon + "&sig=AAAA", Cookie: "c=" + good}, 0, BadSignature},
		{"a signature where only tokens are taken", usual, Credentials{Query: "sig=x", Cookie: "__Secure-hassesd=" + good}, FromCookie, 0},
	} {
		tt.c.Address = visitor
		g, err := policy(t, tt.o).Authorize(tt.c, now)
		if tt.want != 0 {
			if err == nil || err.Error() != tt.want.Error() {
				t.Errorf("%s: got %v, want: %v", tt.name, err, tt.want)
			}
			continue
		}
		if err != nil || g.From != tt.from || len(g.Rooms) != 1 || g.Rooms[0] != (names.Target{Kind: names.Room, Name: "a"}) {
			t.Errorf("%s: %+v, %v", tt.name, g, err)
		}
	}
}

// TestChallengesTellNothing says the same to whoever failed, however far he came.
func TestChallengesTellNothing(t *testing.T) {
	p := policy(t, Options{Tokens: tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "", HS256)}})})
	const invalid = `Bearer realm="hassesd", error="invalid_token"`
	for d := NoCredentials; int(d) < len(denialTexts); d++ {
		want := invalid
		if d == NoCredentials {
			want = `Bearer realm="hassesd"`
		}
		if got := p.Challenge(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
		if d.Error() == "" || d.Name() == "" {
			t.Errorf("denial %d has no name", d)
		}
	}
	if got := p.ChallengeScope(FromCookie); got != `Bearer realm="hassesd", error="insufficient_scope"` {
		t.Errorf("not enough: %s", got)
	}
	if got := p.ChallengeScope(FromURL); got != "" {
		t.Errorf("a signed URL for another room: %s", got)
	}
	signed := policy(t, Options{URLKeys: []URLKey{urlKey(t, "", secretText)}})
	if got := signed.Challenge(BadSignature); !strings.HasPrefix(got, "Signed-URL ") {
		t.Errorf("where only URLs are signed: %s", got)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	key := tokenKey(t, "", HS256)
	all := []any{
		newSecret([]byte(secretText)), urlKey(t, "x", secretText), key, signingKey(t, "", HS256), signingKey(t, "", ES256),
		[]TokenKey{key},
		policy(t, Options{URLKeys: []URLKey{urlKey(t, "", secretText)}, Tokens: tokens(t, TokenOptions{Keys: []TokenKey{key}})}),
		Credentials{Query: secretText, Authorization: secretText, Cookie: secretText, Address: visitor},
	}
	var log strings.Builder
	loggers := []*slog.Logger{slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))}
	for i, v := range all {
		for _, l := range loggers {
			l.Info("secret", "v", v)
		}
		if _, ok := v.(Credentials); ok {
			continue // its fields are plain text; only logs are promised
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			printed := fmt.Sprintf(verb, v)
			for _, form := range []string{secretText, fmt.Sprintf("%x", secretText), strings.Trim(fmt.Sprintf("%d", []byte(secretText)), "[]")} {
				if strings.Contains(printed, form) {
					t.Errorf("value %d of type %T prints with %s as %s", i, v, verb, printed)
				}
			}
		}
	}
	if strings.Contains(log.String(), secretText) || strings.Contains(log.String(), base64URL([]byte(secretText))[:20]) {
		t.Errorf("a secret in the log: %s", log.String())
	}
}

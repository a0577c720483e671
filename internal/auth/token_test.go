package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/names"
)

func TestTokenOfEachAlgorithm(t *testing.T) {
	for _, alg := range Algorithms {
		v := tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "", alg)}})
		text := mint(t, signingKey(t, "", alg), Mint{Subscribe: []string{"room1", "news*"}, Publish: []string{"room1"}, ID: "x"})
		token, err := v.Read(text, now)
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		g := token.Grant
		if !slices.Equal(g.Rooms, targets(t, "room1", "news*")) || !slices.Equal(g.Publish, targets(t, "room1")) || g.ID != "x" ||
			!g.Until.Equal(now.Add(time.Hour)) || !g.Opens.Equal(g.Until) || token.Algorithm != alg {
			t.Errorf("%s: %+v", alg, token)
		}
		// One bit of the signature, or of what is signed.
		for _, i := range []int{len(text) - 10, strings.IndexByte(text, '.') + 10} {
			changed := []byte(text)
			changed[i] ^= 1
			if _, err := v.Read(string(changed), now); err == nil {
				t.Errorf("%s: a changed token is accepted", alg)
			}
		}
	}
}

func TestTokenTimes(t *testing.T) {
	key := signingKey(t, "", HS256)
	for _, tt := range []struct {
		name   string
		m      Mint
		leeway time.Duration
		want   Denial
	}{
		{"good", Mint{Expires: now.Add(time.Second)}, 0, 0},
		{"over", Mint{Expires: now}, 0, Expired},
		{"over within the leeway", Mint{Expires: now.Add(-9 * time.Second)}, 10 * time.Second, 0},
		{"over with the leeway", Mint{Expires: now.Add(-10 * time.Second)}, 10 * time.Second, Expired},
		{"not yet", Mint{NotBefore: now.Add(time.Second)}, 0, NotYetValid},
		{"since now", Mint{NotBefore: now}, 0, 0},
		{"not yet, within the leeway", Mint{NotBefore: now.Add(10 * time.Second)}, 10 * time.Second, 0},
		{"made in the future", Mint{IssuedAt: now.Add(time.Hour)}, 0, 0},
	} {
		v := tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "", HS256)}, Leeway: tt.leeway})
		token, err := v.Read(mint(t, key, tt.m), now)
		if tt.want == 0 {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			} else if !token.Grant.Until.Equal(token.Expires.Add(tt.leeway)) {
				t.Errorf("%s: the stream ends at %s, the token at %s", tt.name, token.Grant.Until, token.Expires)
			}
			continue
		}
		if token == nil {
			t.Errorf("%s: nothing can be said about a token whose signature is good", tt.name)
		}
		wantDenial(t, err, tt.want)
	}
}

func TestTokenIssuerAndAudience(t *testing.T) {
	key := signingKey(t, "", HS256)
	v := tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "", HS256)}, Issuer: "https://example.org", Audience: "hassesd"})
	for _, tt := range []struct {
		name, issuer string
		audience     []string
		want         Denial
	}{
		{"both", "https://example.org", []string{"hassesd"}, 0},
		{"among others", "https://example.org", []string{"other", "hassesd"}, 0},
		{"no issuer", "", []string{"hassesd"}, WrongIssuer},
		{"another issuer", "https://example.org.evil", []string{"hassesd"}, WrongIssuer},
		{"no audience", "https://example.org", nil, WrongAudience},
		{"another audience", "https://example.org", []string{"hassesd2"}, WrongAudience},
	} {
		_, err := v.Read(mint(t, key, Mint{Issuer: tt.issuer, Audience: tt.audience}), now)
		if tt.want == 0 && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if tt.want != 0 {
			wantDenial(t, err, tt.want)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	old, next := signingKey(t, "2025", ES256), signingKey(t, "2026", HS256)
	unnamed := signingKey(t, "", EdDSA)
	v := tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "2025", ES256), tokenKey(t, "2026", HS256), tokenKey(t, "", EdDSA), tokenKey(t, "", RS256)}})
	for _, k := range []SigningKey{old, next, unnamed, signingKey(t, "", RS256)} {
		if _, err := v.Read(mint(t, k, Mint{}), now); err != nil {
			t.Errorf("key %q for %s: %v", k.ID, k.Algorithm, err)
		}
	}
	for _, k := range []SigningKey{signingKey(t, "2024", ES256), signingKey(t, "", ES256), signingKey(t, "2026", ES256)} {
		_, err := v.Read(mint(t, k, Mint{}), now)
		wantDenial(t, err, UnknownKey)
	}
}

// TestT15JWTAttacks is the list of RFC 8725 and of what libraries were caught with.
func TestT15JWTAttacks(t *testing.T) {
	rsaPublic := publicPEM(t, signers()[RS256].Public())
	v := tokens(t, TokenOptions{Keys: []TokenKey{
		tokenKey(t, "", RS256), tokenKey(t, "", ES256), tokenKey(t, "hs", HS256), tokenKey(t, "ed", EdDSA),
	}})
	claims := `{"exp":` + soon + `,"hassesd":{"subscribe":["*"]}}`
	zero := base64URL(make([]byte, 64))
	good := mint(t, signingKey(t, "hs", HS256), Mint{Subscribe: []string{"a"}})
	unsigned := good[:strings.LastIndexByte(good, '.')]
	confused := URLKey{key: newSecret(rsaPublic)}
	withRSA := encode(`{"alg":"HS256"}`) + "." + encode(claims)
	withRSAByName := encode(`{"alg":"HS256","kid":"hs"}`) + "." + encode(claims)
	for _, tt := range []struct {
		name, token string
		want        Denial
	}{
		{"alg none", encode(`{"alg":"none"}`) + "." + encode(claims) + ".", UnknownKey},
		{"alg none with the name of a key", encode(`{"alg":"none","kid":"hs"}`) + "." + encode(claims) + ".", UnknownKey},
		{"alg nOnE", encode(`{"alg":"nOnE"}`) + "." + encode(claims) + ".", UnknownKey},
		{"no alg", encode(`{}`) + "." + encode(claims) + ".", UnknownKey},
		{"alg is a list", encode(`{"alg":["HS256"]}`) + "." + encode(claims) + ".", Malformed},
		{"no signature", unsigned + ".", BadSignature},
		{"two parts", unsigned, Malformed},
		{"four parts", good + ".x", Malformed},
		{"RS256's public key as a secret", withRSA + "." + base64URL(confused.mac(withRSA)), UnknownKey},
		{"and by the name of a secret", withRSAByName + "." + base64URL(confused.mac(withRSAByName)), BadSignature},
		{"another algorithm of the same family", encode(`{"alg":"HS512","kid":"hs"}`) + "." + encode(claims) + "." + zero, UnknownKey},
		{"PS256 with RS256's key", encode(`{"alg":"PS256"}`) + "." + encode(claims) + "." + zero, UnknownKey},
		{"ES256, r and s zero", encode(`{"alg":"ES256"}`) + "." + encode(claims) + "." + zero, BadSignature},
		{"ES256, an empty signature", encode(`{"alg":"ES256"}`) + "." + encode(claims) + ".", BadSignature},
		{"ES256, a signature in ASN.1", encode(`{"alg":"ES256"}`) + "." + encode(claims) + "." + base64URL([]byte{0x30, 6, 2, 1, 0, 2, 1, 0}), BadSignature},
		{"EdDSA, a signature of zeros", encode(`{"alg":"EdDSA","kid":"ed"}`) + "." + encode(claims) + "." + zero, BadSignature},
		{"kid is a path", encode(`{"alg":"HS256","kid":"../../../../dev/null"}`) + "." + encode(claims) + "." + zero, UnknownKey},
		{"kid is SQL", encode(`{"alg":"HS256","kid":"x' UNION SELECT 'k"}`) + "." + encode(claims) + "." + zero, UnknownKey},
		{"kid is a URL", encode(`{"alg":"HS256","kid":"https://evil.example/k"}`) + "." + encode(claims) + "." + zero, UnknownKey},
		{"kid is a number", encode(`{"alg":"HS256","kid":1}`) + "." + encode(claims) + "." + zero, Malformed},
		{"kid is null", encode(`{"alg":"HS256","kid":null}`) + "." + encode(claims) + "." + zero, Malformed},
		{"a key of its own", encode(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://evil.example"}`) + "." + encode(claims) + "." + zero, UnknownKey},
		{"huge", good + strings.Repeat("A", MaxToken), TooLarge},
		{"nothing", "", Malformed},
		{"dots", "..", Malformed},
		{"blanks in it", good[:20] + " " + good[20:], Malformed},
		{"padded", strings.Replace(good, ".", "=.", 1), Malformed},
		{"the other alphabet", strings.ReplaceAll(encode(`{"alg":"HS256","kid":"??>"}`), "_", "/") + "." + encode(claims) + "." + zero, Malformed},
		{"a header that is no object", encode(`[]`) + "." + encode(claims) + "." + zero, Malformed},
		{"a header and more", encode(`{"alg":"HS256","kid":"hs"}{}`) + "." + encode(claims) + "." + zero, Malformed},
		{"JSON serialization", `{"payload":"e30","signatures":[]}`, Malformed},
	} {
		token, err := v.Read(tt.token, now)
		if err == nil || token != nil {
			t.Errorf("%s: accepted", tt.name)
		}
		wantDenial(t, err, tt.want)
		if !errors.Is(err, tt.want) {
			t.Logf("in: %s", tt.name)
		}
	}
}

// TestT15SignedNonsense is what a careless issuer may sign.
func TestT15SignedNonsense(t *testing.T) {
	v := tokens(t, TokenOptions{Keys: []TokenKey{tokenKey(t, "", HS256)}})
	claims := `{"exp":` + soon + `}`
	for _, tt := range []struct {
		name, header, claims string
		want                 Denial // 0: accepted
	}{
		{"plain", plainHeader, claims, 0},
		{"typ JWT", `{"alg":"HS256","typ":"JWT"}`, claims, 0},
		{"typ in small letters", `{"typ":"jwt","alg":"HS256"}`, claims, 0},
		{"an access token", `{"typ":"at+JWT","alg":"HS256"}`, claims, 0},
		{"an access token with the whole name of its type", `{"typ":"application/at+jwt","alg":"HS256"}`, claims, 0},
		{"a token for something else, with the whole name", `{"typ":"application/logout+jwt","alg":"HS256"}`, claims, WrongType},
		{"a token for something else", `{"typ":"secevent+jwt","alg":"HS256"}`, claims, WrongType},
		{"an id of a logout", `{"typ":"logout+jwt","alg":"HS256"}`, claims, WrongType},
		{"typ is no string", `{"typ":1,"alg":"HS256"}`, claims, Malformed},
		{"crit", `{"alg":"HS256","crit":["exp"]}`, claims, WrongType},
		{"alg twice", `{"alg":"none","alg":"HS256"}`, claims, Malformed},
		{"alg twice, escaped", `{"alg":"none","\u0061lg":"HS256"}`, claims, Malformed},
		{"ALG is not alg", `{"ALG":"none","alg":"HS256"}`, claims, 0},
		{"no exp", plainHeader, `{}`, Malformed},
		{"exp twice", plainHeader, `{"exp":1,"exp":` + soon + `}`, Malformed},
		{"EXP is not exp", plainHeader, `{"EXP":` + soon + `}`, Malformed},
		{"exp is null", plainHeader, `{"exp":null}`, Malformed},
		{"exp is a string", plainHeader, `{"exp":"` + soon + `"}`, Malformed},
		{"exp is beyond all times", plainHeader, `{"exp":1e300}`, Malformed},
		{"exp is beyond all numbers", plainHeader, `{"exp":1e999}`, Malformed},
		{"exp is negative", plainHeader, `{"exp":-1}`, Malformed},
		{"exp with a fraction", plainHeader, `{"exp":1772359199.75}`, 0},
		{"exp with an exponent", plainHeader, `{"exp":1.7723592e9}`, 0},
		{"nbf is a string", plainHeader, `{"nbf":"now","exp":` + soon + `}`, Malformed},
		{"claims are no object", plainHeader, `[]`, Malformed},
		{"claims are null", plainHeader, `null`, Malformed},
		{"claims and more", plainHeader, claims + `{}`, Malformed},
		{"claims that are not UTF-8", plainHeader, "{\"exp\":" + soon + ",\"sub\":\"\xff\"}", Malformed},
		{"iss is no string", plainHeader, `{"iss":[],"exp":` + soon + `}`, Malformed},
		{"aud is a number", plainHeader, `{"aud":1,"exp":` + soon + `}`, Malformed},
		{"aud with null", plainHeader, `{"aud":[null],"exp":` + soon + `}`, Malformed},
		{"the grant twice", plainHeader, `{"hassesd":{},"hassesd":{"subscribe":["*"]},"exp":` + soon + `}`, Malformed},
		{"the grant's rooms twice", plainHeader, `{"hassesd":{"subscribe":[],"subscribe":["*"]},"exp":` + soon + `}`, BadGrant},
		{"a grant of one string", plainHeader, `{"hassesd":{"subscribe":"*"},"exp":` + soon + `}`, BadGrant},
		{"a grant of null", plainHeader, `{"hassesd":null,"exp":` + soon + `}`, BadGrant},
		{"a list with null", plainHeader, `{"hassesd":{"subscribe":[null]},"exp":` + soon + `}`, BadGrant},
		{"a star in the middle", plainHeader, `{"hassesd":{"subscribe":["a*b"]},"exp":` + soon + `}`, BadGrant},
		{"an empty room", plainHeader, `{"hassesd":{"subscribe":[""]},"exp":` + soon + `}`, BadGrant},
		{"rooms to publish to", plainHeader, `{"hassesd":{"publish":["a;b"]},"exp":` + soon + `}`, BadGrant},
		{"an id with control characters", plainHeader, `{"hassesd":{"id":"a\nb"},"exp":` + soon + `}`, BadGrant},
		{"an id that is too long", plainHeader, `{"hassesd":{"id":"` + strings.Repeat("x", 65) + `"},"exp":` + soon + `}`, BadGrant},
		{"members of the future", plainHeader, `{"hassesd":{"later":{}},"exp":` + soon + `,"other":[1,{}]}`, 0},
		{"no grant at all", plainHeader, claims, 0},
	} {
		_, err := v.Read(forge(t, tt.header, tt.claims), now)
		if tt.want == 0 && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if tt.want != 0 && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want: %v", tt.name, err, tt.want)
		}
	}
}

func TestTokensNeedSoundOptions(t *testing.T) {
	key := tokenKey(t, "x", HS256)
	var manyKeys []TokenKey
	for i := range maxKeys + 1 {
		manyKeys = append(manyKeys, tokenKey(t, fmt.Sprint("k", i), HS256))
	}
	if _, err := NewTokens(TokenOptions{Keys: manyKeys[:maxKeys]}); err != nil {
		t.Errorf("%d keys: %v", maxKeys, err)
	}
	for name, o := range map[string]TokenOptions{
		"no key":                       {},
		"two of one name":              {Keys: []TokenKey{key, tokenKey(t, "x", ES256)}},
		"too many keys":                {Keys: manyKeys},
		"too many keys without a name": {Keys: slices.Repeat([]TokenKey{tokenKey(t, "", ES256)}, maxUnnamed+1)},
		"too much leeway":              {Keys: []TokenKey{key}, Leeway: MaxLeeway + 1},
		"negative leeway":              {Keys: []TokenKey{key}, Leeway: -1},
	} {
		if _, err := NewTokens(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMintRefusesWhatTheDaemonWould(t *testing.T) {
	key := signingKey(t, "", HS256)
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprint("room-with-a-long-name-", i)
	}
	for name, m := range map[string]Mint{
		"a bad room": {Subscribe: []string{"a*b"}}, "a bad room to publish to": {Publish: []string{""}},
		"a bad id": {ID: "\n"}, "too many rooms": {Subscribe: many},
	} {
		m.Expires = now
		if text, err := m.Token(key); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// FuzzToken looks for tokens that get in without the key, and for panics.
func FuzzToken(f *testing.F) {
	v := tokens(f, TokenOptions{Keys: []TokenKey{tokenKey(f, "", HS256), tokenKey(f, "e", ES256)}})
	good := mint(f, signingKey(f, "", HS256), Mint{Subscribe: []string{"a", "b*"}, ID: "x"})
	f.Add(good)
	f.Add(encode(`{"alg":"none"}`) + "." + encode(`{"exp":`+soon+`}`) + ".")
	f.Add(encode(`{"alg":"ES256","kid":"e"}`) + "." + encode(`{"exp":`+soon+`}`) + "." + base64URL(make([]byte, 64)))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := v.Read(text, now)
		if err == nil && text != good {
			t.Fatalf("%q is accepted: %+v", text, token)
		}
		var denial Denial
		if err != nil && !errors.As(err, &denial) {
			t.Fatalf("%q: %v is no denial", text, err)
		}
	})
}

// FuzzClaims gives the reader of claims what a key has signed.
func FuzzClaims(f *testing.F) {
	f.Add(`{"exp":1772359200,"nbf":1,"iss":"i","aud":["a"],"hassesd":{"subscribe":["a","b*"],"publish":["*"],"id":"x"}}`)
	f.Add(`{"exp":1e9,"aud":"a","x":{"y":[1]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var c claims
		if c.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		if c.expires != nil && (c.expires.Unix() < 0 || c.expires.Unix() > maxSeconds) {
			t.Fatalf("%q expires at %s", text, c.expires)
		}
		if c.grantFault != nil {
			return
		}
		for _, p := range append(c.subscribe, c.publish...) {
			if p.Check() != nil {
				t.Fatalf("%q grants %q", text, p)
			}
		}
		if names.CheckClientID(c.id) != nil {
			t.Fatalf("%q has the id %q", text, c.id)
		}
	})
}

func BenchmarkToken(b *testing.B) {
	for _, alg := range Algorithms {
		b.Run(string(alg), func(b *testing.B) {
			v := tokens(b, TokenOptions{Keys: []TokenKey{tokenKey(b, "", alg)}})
			text := mint(b, signingKey(b, "", alg), Mint{Subscribe: []string{"room1", "news*"}, ID: "x"})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Read(text, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestNoTokenIsMadeThatIsNeverValid(t *testing.T) {
	key := signingKey(t, "", HS256)
	for _, begins := range []time.Time{now.Add(time.Minute), now.Add(time.Hour)} {
		if _, err := (Mint{NotBefore: begins, Expires: now.Add(time.Minute)}).Token(key); err == nil || !strings.Contains(err.Error(), "expired before it is valid") {
			t.Errorf("from %s on: %v", begins, err)
		}
	}
}

package site

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

func TestT14CORS(t *testing.T) {
	const vary = "Vary: Origin\n"
	const echo = vary + "Access-Control-Allow-Origin: https://www.example.org\n"
	list := []string{"https://www.example.org", "http://localhost:3000"}
	tests := []struct {
		name        string
		list        []string
		credentials bool
		origin      string
		want        string
	}{
		{"empty list", nil, false, "https://www.example.org", vary},
		{"empty list with credentials", nil, true, "https://www.example.org", vary},
		{"no origin", list, true, "", vary},
		{"listed", list, false, "https://www.example.org", echo},
		{"listed, with credentials", list, true, "https://www.example.org", echo + "Access-Control-Allow-Credentials: true\n"},
		{"second of the list", list, false, "http://localhost:3000", vary + "Access-Control-Allow-Origin: http://localhost:3000\n"},
		{"capitals", list, false, "HTTPS://WWW.Example.Org", vary + "Access-Control-Allow-Origin: HTTPS://WWW.Example.Org\n"},
		{"another scheme", list, true, "http://www.example.org", vary},
		{"another port", list, true, "https://www.example.org:444", vary},
		{"no port", list, true, "http://localhost", vary},
		{"longer", list, true, "https://www.example.org.evil.example", vary},
		{"shorter", list, true, "https://www.example.or", vary},
		{"in front", list, true, "https://evilwww.example.org", vary},
		{"subdomain", list, true, "https://a.www.example.org", vary},
		{"with a slash", list, true, "https://www.example.org/", vary},
		{"a letter that Unicode folds", list, true, "httpſ://www.example.org", vary},
		{"an app's", []string{"capacitor://localhost"}, true, "capacitor://localhost", vary + "Access-Control-Allow-Origin: capacitor://localhost\nAccess-Control-Allow-Credentials: true\n"},
		{"another app's", []string{"capacitor://localhost"}, true, "ionic://localhost", vary},
		{"the same host on the web", []string{"capacitor://localhost"}, true, "https://localhost", vary},
		{"null", list, true, "null", vary},
		{"null on the list", []string{"null"}, true, "null", vary},
		{"anybody", []string{"*"}, false, "https://evil.example", "Access-Control-Allow-Origin: *\n"},
		{"anybody, without an origin", []string{"*"}, false, "", ""},
		{"anybody never with credentials", []string{"*"}, true, "https://evil.example", "Access-Control-Allow-Origin: *\n"},
		{"anybody and one with credentials", []string{"https://a", "*"}, true, "https://a", "Access-Control-Allow-Origin: *\n"},
		{"a star is no pattern", []string{"https://*.example.org"}, true, "https://www.example.org", vary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := appendCORS(nil, &exchange.Request{Origin: tt.origin}, &Rules{Origins: tt.list, Credentials: tt.credentials})
			if text := lines(got); text != tt.want {
				t.Errorf("got\n%swant\n%s", text, tt.want)
			}
		})
	}
}

func TestT14CORSWithoutRequest(t *testing.T) {
	if got := lines(appendCORS(nil, nil, &Rules{Origins: []string{"https://a"}})); got != "Vary: Origin\n" {
		t.Errorf("got %q", got)
	}
}

func TestPreflight(t *testing.T) {
	const methods = "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\n"
	const age = "Access-Control-Max-Age: 7200\n"
	tests := []struct {
		name string
		req  exchange.Request
		want string
	}{
		{"no preflight", exchange.Request{Origin: "https://a"}, ""},
		{"no origin", exchange.Request{WantMethod: "GET"}, ""},
		{"another origin", exchange.Request{Origin: "https://b", WantMethod: "GET"}, ""},
		{"no headers", exchange.Request{Origin: "https://a", WantMethod: "GET"}, methods + age},
		{
			"known headers",
			exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "last-event-id, CACHE-CONTROL"},
			methods + "Access-Control-Allow-Headers: Last-Event-ID, Cache-Control\n" + age,
		},
		{
			"a header twice",
			exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "cache-control,,cache-control,"},
			methods + "Access-Control-Allow-Headers: Cache-Control\n" + age,
		},
		{
			"an unknown header among known ones",
			exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "x-secret,\tlast-event-id"},
			methods + "Access-Control-Allow-Headers: Last-Event-ID\n" + age,
		},
		{"unknown headers", exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "x, *"}, methods + age},
		{
			"what the polyfill of hasses' pages sends", // Accept needs no leave
			exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "cache-control,last-event-id,x-requested-with"},
			methods + "Access-Control-Allow-Headers: Cache-Control, Last-Event-ID, X-Requested-With\n" + age,
		},
		{
			"what polyfills on fetch are given",
			exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "authorization,content-type,pragma"},
			methods + "Access-Control-Allow-Headers: Authorization, Content-Type, Pragma\n" + age,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := appendPreflight(nil, &tt.req, &Rules{Origins: []string{"https://a"}})
			if text := lines(got); text != tt.want {
				t.Errorf("got\n%swant\n%s", text, tt.want)
			}
		})
	}
}

func TestPreflightForAnybody(t *testing.T) {
	req := &exchange.Request{Origin: "https://b", WantMethod: "GET"}
	got := lines(appendPreflight(nil, req, &Rules{Origins: []string{"*"}}))
	if !strings.HasPrefix(got, "Access-Control-Allow-Methods: ") {
		t.Errorf("got %q, want the methods", got)
	}
}

// lines returns fields as they are sent, but for the line ends.
func lines(fields []exchange.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String()
}

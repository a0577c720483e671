package site

import (
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/auth/authtest"
	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// TestT14CookiesOfOtherPagesOpenNothing is the table of who may use a visitor's cookie.
func TestT14CookiesOfOtherPagesOpenNothing(t *testing.T) {
	k := authtest.NewKeys(t)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	cookie := authtest.CookieName + "=" + k.Mint(now.Add(time.Hour), "", "a")
	listed := Rules{Path: "/sse", MaxRooms: 4, Auth: k.Policy, Origins: []string{"https://www.example.org"}, Credentials: true}
	without := listed
	without.Credentials = false
	anybody := listed
	anybody.Origins = []string{"*"}
	for _, tt := range []struct {
		name         string
		r            Rules
		origin, site string
		plain        bool
		want         int
	}{
		{"not a browser", listed, "", "", false, 200},
		{"a page of this host", listed, "", "same-origin", false, 200},
		{"typed by hand", listed, "", "none", false, 200},
		{"a page of this host that says so", listed, "https://push.example.org", "same-origin", false, 200},
		{"a page of this host in capitals", listed, "https://PUSH.example.org", "same-origin", false, 200},
		{"a page of the list", listed, "https://www.example.org", "same-site", false, 200},
		{"an image on another site", listed, "", "cross-site", false, 403},
		{"a script on a sister site", listed, "", "same-site", false, 403},
		{"something new", listed, "", "strange", false, 403},
		{"another site", listed, "https://evil.example", "cross-site", false, 403},
		{"another site, an old browser", listed, "https://evil.example", "", false, 403},
		{"a sandboxed frame", listed, "null", "cross-site", false, 403},
		{"this host without TLS", listed, "http://push.example.org", "cross-site", false, 403},
		{"this host, we without TLS", listed, "http://push.example.org", "same-origin", true, 200},
		{"another port", listed, "https://push.example.org:444", "same-site", false, 403},
		{"the list without credentials", without, "https://www.example.org", "same-site", false, 403},
		{"anybody", anybody, "https://evil.example", "cross-site", false, 403},
	} {
		req := &exchange.Request{Method: "GET", Host: "push.example.org", Path: "/sse", RawQuery: "subscribe=a", Cookie: cookie, Origin: tt.origin, FetchSite: tt.site}
		sub, ans := Decide(req, &tt.r, Visitor{Now: now, Secure: !tt.plain})
		if (sub != nil) != (tt.want == 200) || sub == nil && (ans.Status != tt.want || ans.Code != exchange.CodeOriginNotAllowed) {
			t.Errorf("%s: %+v %+v, want %d", tt.name, sub, ans, tt.want)
		}
		// What a page must know to send it is no cookie: it may come from anywhere.
		req.Cookie, req.Authorization = "", "Bearer "+strings.TrimPrefix(cookie, authtest.CookieName+"=")
		if sub, ans := Decide(req, &tt.r, Visitor{Now: now}); sub == nil {
			t.Errorf("%s, with a header: %+v", tt.name, ans)
		}
	}
}

// A page may send a token whether or not one is asked for: it need not know which.
func TestPreflightAllowsTokens(t *testing.T) {
	k := authtest.NewKeys(t)
	req := &exchange.Request{Origin: "https://a", WantMethod: "GET", WantHeaders: "authorization, x-secret"}
	for name, r := range map[string]*Rules{
		"tokens are taken": {Origins: []string{"https://a"}, Auth: k.Policy},
		"nobody is asked":  {Origins: []string{"https://a"}},
	} {
		if got := lines(appendPreflight(nil, req, r)); !strings.Contains(got, "Access-Control-Allow-Headers: Authorization\n") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// FuzzAuthorize adds anything to a request with a token, and to a signed URL: what comes out is
// never more than was granted.
func FuzzAuthorize(f *testing.F) {
	k := authtest.NewKeys(f)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	token := k.Mint(now.Add(time.Hour), "ann", "a", "b*")
	signed := k.Sign(now.Add(time.Hour), "subscribe=a-bc&id=ann")
	r := &Rules{Path: "/sse", MaxRooms: 8, Auth: k.Policy, AllowAll: true}
	f.Add("subscribe=a-b-bcd&id=ann")
	f.Add("subscribe=*")
	f.Add("room=a&room=%2A&id=bob")
	f.Add("&lastEventId=e-1")
	f.Add("&room=x&sig=AAAA&sig=")
	f.Fuzz(func(t *testing.T, query string) {
		for _, req := range []*exchange.Request{
			{Method: "GET", Path: "/sse", RawQuery: query, Authorization: "Bearer " + token},
			{Method: "GET", Path: "/sse", RawQuery: signed + query},
			{Method: "GET", Path: "/sse", RawQuery: query + "&" + signed},
			{Method: "GET", Path: "/sse", RawQuery: query},
		} {
			sub, ans := Decide(req, r, Visitor{Now: now})
			if sub == nil {
				if ans.Status < 400 {
					t.Fatalf("%q is answered with %d", req.RawQuery, ans.Status)
				}
				continue
			}
			if sub.All || sub.ID != "ann" || len(sub.Rooms) == 0 {
				t.Fatalf("%q opens %+v", req.RawQuery, sub)
			}
			for _, room := range sub.Rooms {
				if room != "a" && !strings.HasPrefix(room, "b") {
					t.Fatalf("%q opens the room %q", req.RawQuery, room)
				}
			}
		}
	})
}

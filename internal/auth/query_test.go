package auth

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func canonical(rawQuery string) (string, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return "", err
	}
	return q.canonical(), nil
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"sorted", "room=b&room=a&exp=1", "exp=1&room=a&room=b"},
		{"sorted by the encoded form", "b=1&B=1&a%2F=1&a=1", "B=1&a%2F=1&a=1&b=1"},
		{"plus is a space, and a space is %20", "room=a+b&room=c%20d", "room=a%20b&room=c%20d"},
		{"capitals in what is encoded", "room=%c3%bcber", "room=%C3%BCber"},
		{"needlessly encoded", "%72oom=%61", "room=a"},
		{"not encoded where it should be", "room=über&a=(b)'*!", "a=%28b%29%27%2A%21&room=%C3%BCber"},
		{"what RFC 3986 leaves alone", "a=-._~", "a=-._~"},
		{"sig and lastEventId are left out", "a=1&sig=x&lastEventId=e-1&b=2", "a=1&b=2"},
		{"unknown ones are not", "zzz=1&utm=2", "utm=2&zzz=1"},
		{"doubles stay", "a=1&a=1", "a=1&a=1"},
		{"no value", "a&b=", "a=&b="},
		{"equals in a value", "a=b=c", "a=b%3Dc"},
		{"an encoded ampersand cannot end a value", "a=1%26b%3D2", "a=1%26b%3D2"},
		{"nothing between", "&&a=1&", "a=1"},
		{"nothing at all", "", ""},
		{"a semicolon is like any other", "a=1;b=2", "a=1%3Bb%3D2"},
		{"a name in another case is another", "Sig=1&LASTEVENTID=2", "LASTEVENTID=2&Sig=1"},
		{"no name", "=x", "=x"},
	} {
		got, err := canonical(tt.raw)
		if err != nil || got != tt.want {
			t.Errorf("%s: %q gives %q, %v; want %q", tt.name, tt.raw, got, err, tt.want)
		}
	}
	for _, raw := range []string{"a=%", "a=%zz", "%f=1"} {
		if got, err := canonical(raw); err == nil {
			t.Errorf("%q gives %q, want an error", raw, got)
		}
	}
}

// FuzzCanonical holds the canonical form against the reader of net/url: two queries have the same
// form exactly if they have the same parameters.
func FuzzCanonical(f *testing.F) {
	f.Add("room=a&exp=1&sig=x&lastEventId=e-1")
	f.Add("a=%C3%BC+b&a=;&&=&b")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := canonical(raw)
		values, otherErr := url.ParseQuery(strings.ReplaceAll(raw, ";", "%3B"))
		if (err != nil) != (otherErr != nil) {
			t.Fatalf("%q: %v, and net/url says %v", raw, err, otherErr)
		}
		if err != nil {
			return
		}
		if again, err := canonical(got); err != nil || again != got {
			t.Fatalf("%q: the form %q has the form %q, %v", raw, got, again, err)
		}
		delete(values, "sig")
		delete(values, "lastEventId")
		back, err := url.ParseQuery(got)
		if err != nil {
			t.Fatalf("%q: the form %q cannot be read: %v", raw, got, err)
		}
		for name := range values {
			slices.Sort(values[name])
			slices.Sort(back[name])
			if !slices.Equal(values[name], back[name]) {
				t.Fatalf("%q: %s is %q, and in the form %q", raw, name, values[name], back[name])
			}
		}
		if len(back) != len(values) {
			t.Fatalf("%q: %d names, and %d in the form %q", raw, len(values), len(back), got)
		}
	})
}

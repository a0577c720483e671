package archtest

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// badAdvice is what no page may tell people to do, and why.
var badAdvice = []struct {
	text *regexp.Regexp
	why  string
	bad  string // an example, to prove that text finds it
}{
	{
		regexp.MustCompile(`--?user[ =]www-data`), "the site's user can then read the TLS key",
		"hassesd --listen https://:443 --user www-data",
	},
	{
		regexp.MustCompile(`(?:file_get_contents|Path|readFileSync|ReadFile)\(['"]/etc/hassesd/|\$\(cat /etc/hassesd/`),
		"a site that can read the daemon's directory can read the TLS key",
		`$key = trim(file_get_contents('/etc/hassesd/url.key'));`,
	},
	{
		regexp.MustCompile(`hassesd[_-]\*\.(?:deb|rpm)`), "it matches the packages of two architectures",
		"apt install ./hassesd_*.deb",
	},
}

// warnings are the lines that name what must not be done.
var warnings = regexp.MustCompile("with `-user=www-data`, PHP can read the TLS key")

func TestNoPageGivesBadAdvice(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages: %v, %v", pages, err)
	}
	for _, path := range append(slices.Clip(pages), "../../README.md") {
		text := warnings.ReplaceAllString(readText(t, path), "")
		for _, advice := range badAdvice {
			if found := advice.text.FindString(text); found != "" {
				t.Errorf("%s says %q: %s", path, found, advice.why)
			}
		}
	}
	for _, advice := range badAdvice {
		if !advice.text.MatchString(advice.bad) {
			t.Errorf("%s does not find %q", advice.text, advice.bad)
		}
	}
}

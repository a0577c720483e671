package sandbox

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// tree makes files and links: a name with -> is a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if target == "" {
			err = os.WriteFile(path, nil, 0o600)
		} else {
			err = os.Symlink(target, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGrants(t *testing.T) {
	dir := tree(t, map[string]string{
		"plain/cert.pem":                  "",
		"live/x/fullchain.pem":            "../../archive/x/fullchain3.pem", // as certbot does
		"archive/x/fullchain3.pem":        "",
		"kube/tls.crt":                    "..data/tls.crt", // as Kubernetes does
		"kube/..data":                     "..2026_01",
		"kube/..2026_01/tls.crt":          "",
		"chain/a":                         "../chain2/b",
		"chain2/b":                        "../chain3/c",
		"chain3/c":                        "",
		"loop/a":                          "b",
		"loop/b":                          "a",
		"link":                            "plain",
		"current":                         "releases/7",
		"releases/7/cert.pem":             "",
		"system":                          "/etc",
		"dangling/resolv.conf":            "../nowhere/stub-resolv.conf",
		"dangling/into-a-dir-that-is-not": "/nowhere/at/all",
	})
	for _, tc := range []struct {
		name string
		path string
		use  Use
		want []string
	}{
		{"a file", "plain/cert.pem", ReadFile, []string{"plain"}},
		{"a file that is not there yet", "plain/key.pem", ReadFile, []string{"plain"}},
		{"in a directory by a link", "link/cert.pem", ReadFile, []string{"plain", "."}},
		{"in a directory that is replaced as a whole", "current/cert.pem", ReadFile, []string{"releases/7", "releases"}},
		{"in a directory of the system's by a link", "system/hassesd-is-not-there.pem", ReadFile, nil},
		{"certbot's", "live/x/fullchain.pem", ReadFile, []string{"live/x", "archive/x"}},
		{"Kubernetes'", "kube/tls.crt", ReadFile, []string{"kube", "kube/..2026_01"}},
		{"links in a row", "chain/a", ReadFile, []string{"chain", "chain2", "chain3"}},
		{"links in a circle", "loop/a", ReadFile, []string{"loop"}},
		{"a link to nothing", "dangling/resolv.conf", ReadSystemFile, []string{"dangling"}},
		{"a link to no directory", "dangling/into-a-dir-that-is-not", ReadSystemFile, []string{"dangling"}},
		{"a file in no directory", "absent/cert.pem", ReadFile, nil},
		{"a directory", "plain", ReadDir, []string{"plain"}},
		{"a store", "plain", Store, []string{"plain"}},
		{"a log", "plain/log", AppendFile, []string{"plain"}},
		{"a socket", "plain/control.sock", RemoveFile, []string{"plain"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Grants([]Path{{filepath.Join(dir, tc.path), tc.use}})
			if err != nil {
				t.Fatal(err)
			}
			var want []Grant
			for _, w := range tc.want {
				want = append(want, Grant{filepath.Join(dir, w), tc.use})
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestGrantsOfTheSystem(t *testing.T) {
	for _, tc := range []struct {
		path Path
		want []Grant
	}{
		{Path{"/etc/passwd", ReadSystemFile}, []Grant{{"/etc/passwd", ReadSystemFile}}},
		{Path{"/etc/passwd", ReadFile}, []Grant{{"/etc/passwd", ReadFile}}},
		{Path{"/etc/hassesd-is-not-there.toml", ReadFile}, nil},
		{Path{"/dev/null", AppendFile}, []Grant{{"/dev/null", AppendFile}}},
		{Path{"/dev/not-there", AppendFile}, []Grant{{"/dev", AppendFile}}},
	} {
		got, err := Grants([]Path{tc.path, tc.path})
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v: got %v, %v; want %v", tc.path, got, err, tc.want)
		}
	}
}

func TestIsAlone(t *testing.T) {
	dir := tree(t, map[string]string{"cert.pem": "", "passwd": "/etc/passwd"})
	for path, want := range map[string]bool{
		filepath.Join(dir, "cert.pem"): false,
		filepath.Join(dir, "passwd"):   true,
		filepath.Join(dir, "absent"):   false,
		"/etc/passwd":                  true,
	} {
		if got := IsAlone(path); got != want {
			t.Errorf("%s: got %t", path, got)
		}
	}
}

func TestCovers(t *testing.T) {
	granted := []Grant{{"/etc/hassesd", ReadFile}, {"/var/lib/hassesd", Store}, {"/run/hassesd", RemoveFile}}
	for _, tc := range []struct {
		wanted Grant
		is     bool
	}{
		{Grant{"/etc/hassesd", ReadFile}, true},
		{Grant{"/etc/hassesd/certs", ReadFile}, true},
		{Grant{"/etc/hassesd", ReadSystemFile}, true},
		{Grant{"/etc/hassesd", ReadDir}, false},
		{Grant{"/etc/hassesd2", ReadFile}, false},
		{Grant{"/etc", ReadFile}, false},
		{Grant{"/etc/hassesd/../shadow", ReadFile}, false},
		{Grant{"/var/lib/hassesd/acme", ReadFile}, true},
		{Grant{"/var/lib/hassesd", RemoveFile}, true},
		{Grant{"/run/hassesd", ReadFile}, false},
	} {
		if missing := Covers(granted, []Grant{tc.wanted}); (len(missing) == 0) != tc.is {
			t.Errorf("%v: missing %v", tc.wanted, missing)
		}
	}
}

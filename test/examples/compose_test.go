package examples

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// composeProject is what we use of a file of Docker Compose.
type composeProject struct {
	Services map[string]composeService
	Networks map[string]struct {
		Internal bool
		IPAM     struct{ Config []struct{ Subnet string } }
	}
}

type composeService struct {
	Image       string
	Hostname    string
	Command     []string
	Environment map[string]string
	ReadOnly    bool     `json:"read_only"`
	CapDrop     []string `json:"cap_drop"`
	Healthcheck struct{ Test []string }
	Build       struct{ Context string }
	Networks    map[string]*struct{ Aliases []string }
	Volumes     []struct{ Type, Source, Target string }
}

// TestCompose checks the file against the specification, and runs its parts as it says: the daemon with its variables, nginx
// with its configuration and PHP with its pages, all of this machine instead of images. Names of services become addresses.
func TestCompose(t *testing.T) {
	t.Parallel()
	dir := "../../examples/compose"
	var project composeProject
	readManifests(t, &project, "compose", filepath.Join(dir, "compose.yaml"))
	own := project.Services["hassesd"]
	checkDaemonService(t, &project, &own)
	for name, s := range project.Services {
		if _, ok := s.Networks["site"]; !ok {
			t.Errorf("%s is not in the network", name)
		}
	}
	d := runDaemonService(t, &own, nil)

	php := harness.FreeAddress(t)
	site := harness.FreeAddress(t)
	startFPM(t, php, project.Services["php"].Environment, d.TCP)
	startNginx(t, dir, site, map[string]string{"hassesd:8080": d.HTTP, "php:9000": php}, "")

	b := newBrowser(t)
	for _, person := range []string{"ann", "bob"} {
		b.do("open", person, "http://"+site+"/")
		b.do("text", person, "#state", "open")
	}
	b.do("fill", "ann", "input", "hello, containers")
	b.do("click", "ann", "button")
	for _, person := range []string{"ann", "bob"} {
		b.do("text", person, "#messages li", "hello, containers")
	}
	d.AwaitStreams("room624", 2)
}

// checkDaemonService checks where the image of a daemon comes from, what its container may do, and to whom it opens.
func checkDaemonService(t *testing.T, project *composeProject, s *composeService) {
	t.Helper()
	var contexts []string
	for _, other := range project.Services {
		if other.Image == s.Image && other.Build.Context != "" {
			contexts = append(contexts, other.Build.Context)
		}
	}
	if len(contexts) != 1 { // two at once fail: the image exists already
		t.Fatalf("the image %q is built from %q", s.Image, contexts)
	}
	if _, err := os.Stat(filepath.Join(contexts[0], "Dockerfile")); err != nil {
		t.Error(err)
	}
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.Healthcheck.Test, []string{"CMD", "/usr/bin/hassesctl", "ping"}) {
		t.Errorf("hassesd: %+v", s)
	}
	subnet := project.Networks["site"].IPAM.Config[0].Subnet
	if env := s.Environment; env["HASSESD_CONTROL_TCP_NETWORKS"] != subnet || env["HASSESD_PROXY_TRUSTED"] != subnet {
		t.Errorf("the network is %s, and the daemon opens to %q", subnet, env)
	}
}

// runDaemonService runs the daemon as its service says, but at addresses of the test, from which nginx and PHP come, too.
// The variables of other take the place of the file's.
func runDaemonService(t *testing.T, s *composeService, other map[string]string) *harness.Daemon {
	t.Helper()
	d := harness.Bare(t)
	_, port := harness.SplitAddress(t, d.TCP)
	settings, err := filepath.Abs("../../packaging/image/hassesd.toml") // as the image has it
	if err != nil {
		t.Fatal(err)
	}
	d.Args = []string{"--config", settings}
	env := maps.Clone(s.Environment)
	env["HASSESD_PROXY_TRUSTED"] = "127.0.0.1"
	if env["HASSESD_STATE_DIR"] != "" {
		env["HASSESD_STATE_DIR"] = d.Path("state")
	}
	maps.Copy(env, other)
	maps.Copy(env, map[string]string{
		"HASSESD_LISTEN": "http://" + d.HTTP, "HASSESD_CONTROL_TCP": ":" + port, "HASSESD_CONTROL_SOCKET": d.Socket, "HASSESD_DRAIN_WINDOW": "200ms",
	})
	for name, value := range env {
		d.Env = append(d.Env, name+"="+value)
	}
	d.Run()
	return d
}

// startFPM runs PHP as the image of PHP does, for the pages of the example.
func startFPM(t *testing.T, address string, env map[string]string, control string) {
	t.Helper()
	dir := t.TempDir()
	if env["HASSESD_CONTROL"] != "hassesd:8085" {
		t.Errorf("PHP publishes to %q", env["HASSESD_CONTROL"])
	}
	conf := fmt.Sprintf("[global]\nerror_log = /dev/stderr\ndaemonize = no\npid = %[1]s/pid\n[www]\nlisten = %[2]s\npm = static\npm.max_children = 2\nclear_env = no\nenv[HASSESD_CONTROL] = %[3]s\n", dir, address, control)
	if os.Geteuid() == 0 {
		conf += "user = nobody\ngroup = nogroup\n"
	}
	file := filepath.Join(dir, "fpm.conf")
	harness.WriteFile(t, file, []byte(conf))
	args := []string{"-y", file, "-F"}
	if os.Geteuid() == 0 {
		args = append(args, "-R")
	}
	runUntilTheEnd(t, harness.Tool(t, phpFPM()), args...)
	listens(t, address)
}

// phpFPM is the name of PHP's FastCGI server, which Debian calls by its version.
func phpFPM() string {
	found, err := filepath.Glob("/usr/sbin/php-fpm*")
	if err != nil || len(found) == 0 {
		return "php-fpm"
	}
	return found[len(found)-1]
}

// startNginx runs nginx with the configuration of the example, which its image includes into the part about http. upstreams
// are names with several addresses.
func startNginx(t *testing.T, dir, address string, services map[string]string, upstreams string) {
	t.Helper()
	text := harness.ReadFile(t, filepath.Join(dir, "nginx.conf"))
	web := t.TempDir()
	if err := os.CopyFS(web, os.DirFS(filepath.Join(dir, "web"))); err != nil {
		t.Fatal(err)
	}
	for _, readable := range []string{filepath.Dir(web), web} { // by nobody
		if err := os.Chmod(readable, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pairs := []string{"listen 80;", "listen " + address + ";", "/var/www/html", web}
	for name, at := range services {
		if !strings.Contains(string(text), name) {
			t.Errorf("nginx.conf knows no %s", name)
		}
		pairs = append(pairs, name, at)
	}
	server := strings.NewReplacer(pairs...).Replace(string(text))
	scratch := t.TempDir()
	conf := "daemon off; master_process off; pid " + scratch + "/pid; error_log stderr; events {} http { access_log off; default_type text/html;\n" + upstreams
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += kind + "_temp_path " + filepath.Join(scratch, kind) + ";\n"
	}
	server = strings.ReplaceAll(server, "include fastcgi_params;", "include /etc/nginx/fastcgi_params;")
	file := filepath.Join(scratch, "nginx.conf")
	harness.WriteFile(t, file, []byte(conf+server+"}\n"))
	runUntilTheEnd(t, harness.Tool(t, "nginx"), "-c", file, "-p", scratch, "-e", "stderr")
	listens(t, address)
}

// runUntilTheEnd runs a server that needs no input until the test ends.
func runUntilTheEnd(t *testing.T, name string, args ...string) {
	t.Helper()
	p := harness.Launch(t, nil, name, args...)
	t.Cleanup(func() { _ = p.Cmd.Process.Signal(syscall.SIGTERM) }) // PHP then ends its workers, too
}

// listens waits until a server accepts connections at the address.
func listens(t *testing.T, address string) {
	t.Helper()
	harness.Eventually(t, address+" listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

package examples

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestComposeCluster checks the file with several nodes, and runs its parts as it says, with nats-server, nginx and PHP of
// this machine. Two people are at different nodes; one node and one NATS server stop, and both people go on.
func TestComposeCluster(t *testing.T) {
	t.Parallel()
	dir := "../../examples/compose"
	var project composeProject
	readManifests(t, &project, "compose", filepath.Join(dir, "cluster.yaml"))
	if !project.Networks["log"].Internal {
		t.Error("the network of the NATS servers is open to others")
	}
	for name, s := range project.Services {
		_, isInSite := s.Networks["site"]
		_, isInLog := s.Networks["log"]
		if isNATS, isNode := strings.HasPrefix(name, "nats"), strings.HasPrefix(name, "hassesd"); isInSite == isNATS || isInLog != (isNATS || isNode) {
			t.Errorf("%s is in the networks %v", name, s.Networks)
		}
	}

	clients, routes := map[string]string{}, map[string]string{} // of the NATS servers, by their names and ports in the files
	for _, name := range []string{"nats1", "nats2", "nats3"} {
		clients[name+":4222"], routes[name+":6222"] = harness.FreeAddress(t), harness.FreeAddress(t)
	}
	brokers := map[string]*harness.Program{}
	for _, name := range []string{"nats1", "nats2", "nats3"} {
		brokers[name] = startNATS(t, dir, name, project.Services[name], clients[name+":4222"], routes)
	}
	var nodes []*harness.Daemon
	for _, name := range []string{"hassesd1", "hassesd2"} {
		s := project.Services[name]
		checkDaemonService(t, &project, &s)
		if s.Hostname != name || !slices.Contains(s.Networks["site"].Aliases, "hassesd") {
			t.Errorf("%s is called %s, %v", name, s.Hostname, s.Networks)
		}
		nats := s.Environment["HASSESD_CLUSTER_NATS"]
		nodes = append(nodes, runDaemonService(t, &s, map[string]string{"HASSESD_CLUSTER_NATS": withAddresses(t, nats, clients), "HASSESD_CLUSTER_NODE": s.Hostname}))
	}

	php := harness.FreeAddress(t)
	site := harness.FreeAddress(t)
	startFPM(t, php, project.Services["php"].Environment, nodes[1].TCP)
	startNginx(t, dir, site, map[string]string{"hassesd:8080": "nodes", "php:9000": php}, "upstream nodes { server "+nodes[0].HTTP+"; server "+nodes[1].HTTP+"; }\n")
	for _, d := range nodes {
		harness.Eventually(t, "both nodes are there", func() bool {
			list := d.Ctl("nodes").Stdout
			return strings.Contains(list, "hassesd1") && strings.Contains(list, "hassesd2")
		})
	}

	b := newBrowser(t)
	for _, person := range []string{"ann", "bob"} {
		b.do("open", person, "http://"+site+"/")
		b.do("text", person, "#state", "open")
	}
	for _, d := range nodes {
		d.AwaitStreams("room624", 1) // nginx takes the nodes in turn
	}
	say := func(person, text string) {
		b.do("fill", person, "input", text)
		b.do("click", person, "button")
	}
	say("ann", "hello, nodes")
	for _, person := range []string{"ann", "bob"} {
		b.shows(person, "#messages li", "hello, nodes")
	}

	nodes[0].Stop()
	nodes[1].AwaitStreams("room624", 2)
	say("bob", "a node is gone")
	if err := brokers["nats1"].Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// PHP waits for five seconds, and the election of a leader may take longer.
	harness.Eventually(t, "messages are stored", func() bool { return nodes[1].Try("send", harness.Object{"to": "probe", "data": "."}, nil) == nil })
	say("ann", "a NATS server is gone")
	for _, person := range []string{"ann", "bob"} {
		b.shows(person, "#messages li", "hello, nodes", "a node is gone", "a NATS server is gone")
	}
}

// startNATS runs nats-server with the configuration of the example, at an address for clients and those of routes.
func startNATS(t *testing.T, dir, name string, s composeService, address string, routes map[string]string) *harness.Program {
	t.Helper()
	scratch := t.TempDir()
	var data, conf string
	for _, v := range s.Volumes {
		switch {
		case v.Type == "volume" && v.Source == name: // its own
			data = v.Target
		case v.Type == "bind" && filepath.Base(v.Source) == "nats.conf":
			conf = v.Target
		}
	}
	if !slices.Equal(s.Command, []string{"--config", conf}) || s.Hostname != name || data == "" {
		t.Errorf("%s runs %q, is called %s, and has the volumes %+v", name, s.Command, s.Hostname, s.Volumes)
	}
	text := string(harness.ReadFile(t, filepath.Join(dir, "nats.conf")))
	for _, want := range []string{`"` + data + `"`, `"0.0.0.0:4222"`, `"0.0.0.0:6222"`} {
		if !strings.Contains(text, want) {
			t.Errorf("nats.conf has no %s", want)
		}
	}
	text = withAddresses(t, text, routes)
	text = strings.NewReplacer(`"`+data+`"`, fmt.Sprintf("%q", filepath.Join(scratch, "data")),
		"0.0.0.0:4222", address, "0.0.0.0:6222", routes[name+":6222"]).Replace(text)
	file := filepath.Join(scratch, "nats.conf")
	harness.WriteFile(t, file, []byte(text))
	p := harness.Launch(t, []string{"NATS_NAME=" + s.Environment["NATS_NAME"]}, harness.NATSServer(t), "--config", file)
	t.Cleanup(func() { _ = p.Cmd.Process.Signal(syscall.SIGTERM) })
	listens(t, address)
	return p
}

// withAddresses returns a text with addresses of this machine instead of names and ports, each of which it must have.
func withAddresses(t *testing.T, text string, addresses map[string]string) string {
	t.Helper()
	for name, address := range addresses {
		if !strings.Contains(text, name) {
			t.Errorf("%q lacks %s", text, name)
		}
		text = strings.ReplaceAll(text, name, address)
	}
	return text
}

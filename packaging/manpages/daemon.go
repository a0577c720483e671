package main

import (
	"strings"

	"github.com/hassesd/hassesd/internal/config"
)

// daemonPage returns hassesd(8).
func daemonPage(e edition) string {
	p := newPage("hassesd", 8, e, "push events to open browsers over Server-Sent Events")
	p.title("SYNOPSIS")
	p.b.WriteString(".B hassesd\n.RI [ flags ]\n.br\n.B hassesd check\n.RI [ flags ]\n.br\n.B hassesd defaults\n.br\n.B hassesd version\n.br\n.B hassesd completion\n.RI [ shell ]\n")
	p.title("DESCRIPTION")
	p.text("hassesd holds the open connections of browsers (EventSource), and delivers to them what back ends publish. " +
		"It terminates TLS itself, and runs in the foreground.")
	p.text("Settings come from the defaults, then the TOML file of --config, then variables that begin with HASSESD_, then flags; later ones win. " +
		"HASSESD_CONFIG names the file where --config does not. hassesd.toml(5) explains it. Every setting is a flag as well: history.bytes is --history-bytes and HASSESD_HISTORY_BYTES.")
	p.title("COMMANDS")
	p.entry("check", "", "Validate what a start would use, with all the flags of a start, and print ok, or every error.")
	p.entry("defaults", "", "Print the whole configuration file, with each key documented.")
	p.entry("version", "", "Print the version.")
	p.entry("completion", "bash|zsh|fish", "Print the completion script for a shell. The packages install it.")
	p.title("OPTIONS")
	p.entry("--config", "FILE", "Read settings from this TOML file.")
	p.entry("--hasses-conf", "FILE", "Read settings from an old hasses.conf.")
	for _, k := range config.Keys() {
		name := k.Flag
		if len(k.Aliases) > 0 {
			name = k.Aliases[0]
		}
		p.entry("--"+name, placeholder(k.Kind), k.Usage)
	}
	p.subtitle("Flags of hasses")
	p.text("The flags of hasses, the C program, work as they did, with one dash and an equals sign.")
	for _, o := range config.OldFlags() {
		value := "VALUE"
		if o.Bool {
			value = ""
		}
		p.entry("-"+o.Name, value, o.Usage)
	}
	p.title("SIGNALS")
	p.entry("SIGHUP", "", "Reopen the log file, and reload the settings and the certificates without closing streams. On any error the daemon logs it and keeps all of them as they are.")
	p.entry("SIGTERM, SIGINT", "", "Stop accepting, end the streams spread over drain.window, tell each client when to reconnect, and exit. A second signal ends the wait.")
	p.title("SERVICE MANAGER")
	p.text("Under systemd hassesd reports its state (sd_notify(3)): READY=1, RELOADING=1, STOPPING=1, and STATUS= with the number of streams and rooms. " +
		"It asks for more time while streams end. The event loops send WATCHDOG=1: if one is stuck, systemd restarts the service.")
	p.text("hassesd recognizes the sockets that systemd opens by their name, FileDescriptorName=: https and http for browsers, control for the control socket, control-tcp for the control port, api for the listener of operators. " +
		"Those for browsers take the place of listen, unless that is set; then it must name their addresses. A socket with another name, or of another kind, is an error.")
	p.text("With FileDescriptorStoreMax=, systemd keeps the sockets that hassesd has opened itself while it restarts: clients that connect meanwhile wait, and are not refused. " +
		"'hassesctl drain' closes them, because it sends clients elsewhere.")
	p.title("FILES")
	p.entry("/etc/hassesd/hassesd.toml", "", "The configuration of the packaged services.")
	p.entry("/run/hassesd/control.sock", "", "The control socket, where back ends publish and hassesctl(1) connects; members of the group hassesd-admin may use it.")
	p.entry("/var/lib/hassesd", "", "What survives restarts: the history, session ticket keys, and certificates from ACME.")
	p.title("EXIT STATUS")
	p.entry("0", "", "The daemon has drained, or the check found no error.")
	p.entry("1", "", "Failure.")
	p.entry("2", "", "An error on the command line or in the configuration. Starting again does not help.")
	p.see("hassesctl(1)", "hassesd.toml(5)", "systemd.service(5)", "systemd.socket(5)")
	return p.String()
}

// placeholder returns the placeholder for a value of the kind.
func placeholder(k config.Kind) string {
	if k == config.Bool {
		return ""
	}
	return strings.ToUpper(k.String())
}

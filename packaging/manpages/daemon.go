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
	p.text("hassesd holds the connections of browsers that listen with EventSource, and tells those in a room what a back end says to it. " +
		"It stands on the internet with its own TLS, and runs in the foreground.")
	p.text("Settings come from the defaults, then the TOML file of --config, then variables that begin with HASSESD_, then flags; later ones win. " +
		"hassesd.toml(5) explains the file. Every setting is a flag as well: history.bytes is --history-bytes and HASSESD_HISTORY_BYTES.")
	p.title("COMMANDS")
	p.entry("check", "", "Validate what a start would use, with all the flags of a start, and print ok, or everything that is wrong.")
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
	p.entry("SIGHUP", "", "Open the log file anew, and reload the settings and the certificates. Streams are not touched. What is wrong is logged, and all stays as it was.")
	p.entry("SIGTERM, SIGINT", "", "Accept nobody any more, end the streams spread over drain.window, each with a time of its own to come back, and exit. The second such signal does not wait.")
	p.title("SERVICE MANAGER")
	p.text("Under systemd hassesd tells how it is doing (sd_notify(3)): READY=1, RELOADING=1, STOPPING=1, STATUS= with streams and rooms, " +
		"and more time while the streams end. WATCHDOG=1 comes from the event loops themselves: one that is stuck has the service restarted.")
	p.text("Sockets that systemd opens are taken by their name, FileDescriptorName=: https and http for browsers, control for the control socket, control-tcp for the control port, api for the listener of operators. " +
		"Those for browsers stand in the place of listen, unless that is set; then it must name their addresses. A socket with another name, or of another kind, is an error.")
	p.text("With FileDescriptorStoreMax= set, systemd keeps the sockets that hassesd has opened by itself while it restarts: clients that connect then wait, and are not refused. " +
		"'hassesctl drain' gives them up, since it is for sending clients elsewhere.")
	p.title("FILES")
	p.entry("/etc/hassesd/hassesd.toml", "", "The configuration of the packaged services.")
	p.entry("/run/hassesd/control.sock", "", "The control socket, where back ends publish and hassesctl(1) asks; members of the group hassesd-admin may use it.")
	p.entry("/var/lib/hassesd", "", "What is kept over restarts, such as certificates that came over ACME.")
	p.title("EXIT STATUS")
	p.entry("0", "", "It has drained, or there was nothing wrong.")
	p.entry("1", "", "It failed.")
	p.entry("2", "", "A mistake on the command line or in the configuration; starting again would not mend it.")
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

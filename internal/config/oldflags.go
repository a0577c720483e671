package config

import "strings"

// OldFlag is a flag of hasses, the C program, that is not a flag of a key already. (Its -user, -fifo and
// -cert-file are.)
type OldFlag struct {
	Name  string // without the dash: murl
	Bool  bool   // it takes no value
	Key   string // the key it sets; empty: it is accepted and has no effect
	Usage string
}

// OldFlags returns the old spellings; [Load] takes them like the flags of keys.
func OldFlags() []OldFlag {
	flags := make([]OldFlag, 0, len(oldFlags))
	for _, o := range oldFlags {
		flags = append(flags, o.OldFlag)
	}
	return flags
}

type oldFlag struct {
	OldFlag
	value func(string) string // turns the old value into the key's; nil: it is the same
}

var oldFlags = []oldFlag{
	{OldFlag{Name: "p", Key: "listen", Usage: "The port browsers connect to, as in hasses: --listen https://:PORT, or http:// with --plaintext."}, nil},
	{OldFlag{Name: "murl", Key: "path", Usage: "The URL path, as in hasses: --path."}, nil},
	{OldFlag{Name: "cp", Key: "control.tcp", Usage: "The control port, as in hasses: --control-tcp 127.0.0.1:PORT. A loopback address may stand before the port."}, loopbackPort},
	{OldFlag{Name: "sep", Key: "control.delimiter", Usage: "The delimiter of commands, as in hasses: --delimiter."}, nil},
	{OldFlag{Name: "ssl", Bool: true, Usage: "Accepted as in hasses, without effect: TLS is the default."}, nil},
	{OldFlag{Name: "privatekey-file", Key: "tls.key_file", Usage: "The private key, as in hasses: --key-file."}, nil},
	{OldFlag{Name: "cors-base", Key: "cors.origins", Usage: "The web origin that may read streams, as in hasses: --cors-origin."}, originOfBase},
	{OldFlag{Name: "ra", Bool: true, Key: "reinit", Usage: "Allow a second request on an open stream, as in hasses: --reinit."}, nil},
	{OldFlag{Name: "l", Key: "log_file", Usage: "The log file, as in hasses: --log-file."}, nil},
	{OldFlag{Name: "pidfile", Key: "pid_file", Usage: "The file with the process number, as in hasses: --pid-file."}, nil},
	{OldFlag{Name: "q", Bool: true, Key: "log_level", Usage: "Log little, as in hasses: --log-level quiet."}, constant("quiet")},
	{OldFlag{Name: "debug", Bool: true, Key: "log_level", Usage: "Log much, as in hasses: --log-level debug."}, constant("debug")},
	{OldFlag{Name: "nodaemon", Bool: true, Usage: "Accepted as in hasses, without effect: the daemon stays in the foreground."}, nil},
}

// sharedOldFlags are flags of hasses that keys have under the same name.
var sharedOldFlags = []string{"user", "fifo", "cert-file"}

func lookupOldFlag(name string) (*oldFlag, bool) {
	for i := range oldFlags {
		if oldFlags[i].Name == name {
			return &oldFlags[i], true
		}
	}
	return nil, false
}

func loopbackPort(value string) string {
	if strings.Contains(value, ":") {
		return value
	}
	return "127.0.0.1:" + value
}

// originOfBase writes a base URL as browsers write its origin: without the slash that many end in, capitals, and the
// port that goes without saying. What is no origin stays as it is, for the complaint.
func originOfBase(value string) string {
	if origin, err := canonicalOrigin(value); err == nil {
		return origin
	}
	return value
}

func constant(value string) func(string) string {
	return func(string) string { return value }
}

// spellsHasses reports whether an old flag shows that a command line was written for hasses. The others are too
// ordinary (-l, -q, -debug), or are flags of ours under the same name (-user, -fifo).
func (o *oldFlag) spellsHasses() bool { return o.Name == "p" || o.Name == "murl" }

// setOld applies a flag of hasses.
func (l *loader) setOld(o *oldFlag, source, text string) {
	if o.Bool {
		var on bool
		if err := parseValue(Bool, &on, text); err != nil {
			l.addError(source, o.Key, err.what, "leave the value out")
			return
		}
		if !on && o.value != nil {
			return // -q=false: as if it were not there
		}
	}
	l.asHasses = l.asHasses || o.spellsHasses()
	if o.Key == "" {
		return
	}
	e := mustLookup(o.Key)
	if o.Name == "p" {
		l.clearList(e, source)
		l.ports = append(l.ports, text)
		return
	}
	if o.value != nil {
		text = o.value(text)
	}
	l.set(e, source, text)
}

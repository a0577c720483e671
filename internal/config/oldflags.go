package config

import "strings"

// OldFlag is a flag of hasses, the C program, that is not also a flag of a key, as -user, -fifo and
// -cert-file are.
type OldFlag struct {
	Name  string // without the dash: murl
	Bool  bool   // it takes no value
	Key   string // the key it sets; empty: the flag is accepted without effect
	Usage string
}

// OldFlags returns the flags of hasses, which [Load] accepts like the flags of keys.
func OldFlags() []OldFlag {
	flags := make([]OldFlag, 0, len(oldFlags))
	for _, o := range oldFlags {
		flags = append(flags, o.OldFlag)
	}
	return flags
}

type oldFlag struct {
	OldFlag
	value func(string) string // converts the value into the key's; nil: unchanged
}

var oldFlags = []oldFlag{
	{OldFlag{Name: "p", Key: "listen", Usage: "Port that browsers connect to, as in hasses. Use --listen https://:PORT, or http:// with --plaintext."}, nil},
	{OldFlag{Name: "murl", Key: "path", Usage: "URL path, as in hasses. Use --path."}, nil},
	{OldFlag{Name: "cp", Key: "control.tcp", Usage: "Control port, as in hasses, optionally with a loopback address before it. Use --control-tcp 127.0.0.1:PORT."}, loopbackPort},
	{OldFlag{Name: "sep", Key: "control.delimiter", Usage: "Delimiter of commands, as in hasses. Use --delimiter."}, nil},
	{OldFlag{Name: "ssl", Bool: true, Usage: "Accepted for compatibility, without effect: TLS is the default."}, nil},
	{OldFlag{Name: "privatekey-file", Key: "tls.key_file", Usage: "Private key, as in hasses. Use --key-file."}, nil},
	{OldFlag{Name: "cors-base", Key: "cors.origins", Usage: "Web origin that may read streams, as in hasses. Use --cors-origin."}, originOfBase},
	{OldFlag{Name: "ra", Bool: true, Key: "reinit", Usage: "Allow a second request on an open stream, as in hasses. Use --reinit."}, nil},
	{OldFlag{Name: "l", Key: "log_file", Usage: "Log file, as in hasses. Use --log-file."}, nil},
	{OldFlag{Name: "pidfile", Key: "pid_file", Usage: "File for the process ID, as in hasses. Use --pid-file."}, nil},
	{OldFlag{Name: "q", Bool: true, Key: "log_level", Usage: "Log only warnings and errors, as in hasses. Use --log-level quiet."}, constant("quiet")},
	{OldFlag{Name: "debug", Bool: true, Key: "log_level", Usage: "Log every connection, as in hasses. Use --log-level debug."}, constant("debug")},
	{OldFlag{Name: "nodaemon", Bool: true, Usage: "Accepted for compatibility, without effect: the daemon stays in the foreground."}, nil},
}

// sharedOldFlags are flags of hasses that are also flags of keys.
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

// originOfBase returns the origin of a base URL as browsers write it: without a trailing slash,
// capitals and the default port. What is not an origin is returned unchanged, for the error
// message.
func originOfBase(value string) string {
	if origin, err := canonicalOrigin(value); err == nil {
		return origin
	}
	return value
}

func constant(value string) func(string) string {
	return func(string) string { return value }
}

// spellsHasses reports whether an old flag shows that a command line was written for hasses. The
// others are too ordinary (-l, -q, -debug), or are flags of ours under the same name (-user,
// -fifo).
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

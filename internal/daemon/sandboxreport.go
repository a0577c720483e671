package daemon

import (
	"fmt"
	"slices"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/sandbox"
	"github.com/hassesd/hassesd/internal/threads"
)

// report returns the state of the confinement as the control protocol shows it.
func (c *confinement) report() (api.Sandbox, error) {
	all, err := c.view.Read()
	if err != nil {
		return api.Sandbox{}, &api.Error{Code: codeInternal, Message: err.Error()}
	}
	out := api.Sandbox{Mode: c.mode, SelfCheck: "none", Threads: len(all), Layers: c.describe(all)}
	if c.mode == sandboxOff {
		return out, nil
	}
	o := c.sandbox.Options()
	for _, g := range o.Grants {
		out.Paths = append(out.Paths, api.SandboxPath{Path: g.Path, Use: g.Use.String()})
	}
	for _, port := range o.ConnectPorts {
		out.ConnectPorts = append(out.ConnectPorts, int(port))
	}
	out.SelfCheck = "ok"
	for _, check := range slices.Concat([]sandbox.Check{sandbox.CheckThreads(c.want(), all)}, c.checks) {
		one := api.SandboxCheck{Check: check.What, OK: check.Err == nil}
		if check.Err != nil {
			one.Error, out.SelfCheck = check.Err.Error(), "failed"
		}
		out.Checks = append(out.Checks, one)
	}
	return out, nil
}

// describe returns each layer, by what the kernel says of the threads now.
func (c *confinement) describe(all []threads.Status) []api.SandboxLayer {
	first := all[0]
	var layers []api.SandboxLayer
	add := func(name string, inForce bool, format string, args ...any) {
		layers = append(layers, api.SandboxLayer{Layer: name, InForce: inForce, Detail: fmt.Sprintf(format, args...)})
	}
	every := func(is func(threads.Status) bool) bool {
		return !slices.ContainsFunc(all, func(s threads.Status) bool { return !is(s) })
	}
	add("user", every(func(s threads.Status) bool { return !slices.Contains(s.UIDs[:], 0) }),
		"uid %d, gid %d, %d supplementary groups", first.UIDs[1], first.GIDs[1], len(first.Groups))
	add("capabilities", every(func(s threads.Status) bool { return s.Permitted|s.Effective|s.Inheritable|s.Ambient == 0 }),
		"permitted %#x, bounding set %#x", first.Permitted, first.Bounding)
	add("new_privileges", every(func(s threads.Status) bool { return s.NoNewPrivs }), "no program that is executed brings any")
	add("core_dumps", c.sealed, "nor may other processes of the same user look in")
	if c.chroot != "" {
		add("chroot", true, "%s", c.chroot)
	}
	if c.mode == sandboxOff {
		add("landlock", false, "switched off")
		add("seccomp", false, "switched off")
		return layers
	}
	if c.layers.LandlockErr == nil {
		options := c.sandbox.Options()
		add("landlock", true, "ABI %d, %d paths, %d ports", c.layers.Landlock, len(options.Grants), len(options.ConnectPorts))
	} else {
		add("landlock", false, "%v", c.layers.LandlockErr)
	}
	if c.layers.SeccompErr == nil {
		const filtered = 2
		add("seccomp", every(func(s threads.Status) bool { return s.Seccomp == filtered }), "%d instructions", c.layers.Seccomp)
	} else {
		add("seccomp", false, "%v", c.layers.SeccompErr)
	}
	return layers
}

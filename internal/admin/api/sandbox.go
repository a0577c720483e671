package api

// Sandbox is the result of "sandbox". The daemon checks its threads at each call, and tries what
// must be refused once, at its start.
type Sandbox struct {
	Mode         string         `json:"mode"`       // of the settings: auto, strict, off
	SelfCheck    string         `json:"self_check"` // ok, failed, or none without a sandbox
	Layers       []SandboxLayer `json:"layers"`
	Threads      int            `json:"threads"` // all of which were checked
	Paths        []SandboxPath  `json:"paths"`   // everything that can be opened by name
	ConnectPorts []int          `json:"connect_ports"`
	Checks       []SandboxCheck `json:"checks"`
}

// SandboxLayer is one layer: user, capabilities, new_privileges, core_dumps, chroot, landlock or
// seccomp.
type SandboxLayer struct {
	Layer   string `json:"layer"`
	InForce bool   `json:"in_force"`
	Detail  string `json:"detail"` // for people: what it is, or why it is not
}

// SandboxPath is a directory with everything below it, or a file, and what it can be used for.
type SandboxPath struct {
	Path string `json:"path"`
	Use  string `json:"use"` // read, list, append, remove, store
}

// SandboxCheck is one condition that must hold, or one call that must be refused.
type SandboxCheck struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// WithoutNulls returns s with empty lists and maps where it has none: the protocol promises them.
func (s Sandbox) WithoutNulls() Sandbox {
	if s.Layers == nil {
		s.Layers = []SandboxLayer{}
	}
	if s.Paths == nil {
		s.Paths = []SandboxPath{}
	}
	if s.ConnectPorts == nil {
		s.ConnectPorts = []int{}
	}
	if s.Checks == nil {
		s.Checks = []SandboxCheck{}
	}
	return s
}

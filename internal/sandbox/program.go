package sandbox

import (
	"cmp"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// rule allows one system call: always, or if one of the alternatives is true.
type rule struct {
	call uint32
	any  [][]check // alternatives, each true if all of its checks are; none: always
}

// check tests the lower half of an argument. In the arguments that are checked, the kernel ignores
// the upper half or defines no bits there.
type check struct {
	arg   uint32
	mask  uint32 // the bits to compare
	value uint32
	not   bool // true if the bits differ from value
}

const allBits = ^uint32(0)

func is(arg, value uint32) check { return check{arg: arg, mask: allBits, value: value} }

func isNot(arg, value uint32) check { return check{arg: arg, mask: allBits, value: value, not: true} }

func hasNot(arg, bits uint32) check { return check{arg: arg, mask: bits} }

func isBut(arg, bits, value uint32) check { return check{arg: arg, mask: ^bits, value: value} }

// oneOf returns an alternative for each value.
func oneOf(arg uint32, of ...uint32) (alternatives [][]check) {
	for _, v := range of {
		alternatives = append(alternatives, []check{is(arg, v)})
	}
	return alternatives
}

// policy is the rules that a program enforces.
type policy struct {
	arch   uint32            // AUDIT_ARCH_ of the machine
	x32    bool              // whether there are also x32 system calls
	rules  []rule            // in the order of their tests: frequent calls first
	absent map[uint32]uint32 // calls that fail with an error number, as if the kernel lacked them
	refuse uint32            // the SECCOMP_RET_ value for every other call
}

// Offsets in struct seccomp_data (seccomp(2)) on a little-endian machine.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
	sizeArg    = 8
)

// x32Bit marks system calls of the x32 ABI.
const x32Bit = 0x40000000

// compile translates a policy into a program for the kernel.
func compile(p policy) []unix.SockFilter {
	program := []unix.SockFilter{
		load(offsetArch),
		jump(unix.BPF_JEQ, p.arch, 1, 0),
		answer(unix.SECCOMP_RET_KILL_PROCESS), // the process makes no calls of another architecture
		load(offsetCall),
	}
	if p.x32 {
		program = append(program, jump(unix.BPF_JGE, x32Bit, 0, 1), answer(unix.SECCOMP_RET_KILL_PROCESS))
	}
	for _, r := range p.rules {
		block := r.block(p.refuse)
		program = append(program, jump(unix.BPF_JEQ, r.call, 0, distance(len(block))))
		program = append(program, block...)
	}
	for _, call := range sortedKeys(p.absent) {
		program = append(program,
			jump(unix.BPF_JEQ, call, 0, 1),
			answer(unix.SECCOMP_RET_ERRNO|p.absent[call]&unix.SECCOMP_RET_DATA))
	}
	return append(program, answer(p.refuse))
}

// block returns the instructions for one call: allow it, or test one alternative after another.
func (r rule) block(refuse uint32) []unix.SockFilter {
	if len(r.any) == 0 {
		return []unix.SockFilter{answer(unix.SECCOMP_RET_ALLOW)}
	}
	var block []unix.SockFilter
	for _, checks := range r.any {
		block = append(block, alternative(checks)...)
	}
	return append(block, answer(refuse))
}

// alternative returns instructions that allow the call if all checks are true, and otherwise
// continue after them.
func alternative(checks []check) []unix.SockFilter {
	var body []unix.SockFilter
	var exits []int // jumps that leave if the check is false
	for _, c := range checks {
		body = append(body, load(offsetArgs+sizeArg*c.arg))
		if c.mask != allBits {
			body = append(body, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: c.mask})
		}
		exits = append(exits, len(body))
		body = append(body, jump(unix.BPF_JEQ, c.value, 0, 0))
	}
	body = append(body, answer(unix.SECCOMP_RET_ALLOW))
	for i, at := range exits {
		out := distance(len(body) - at - 1)
		if checks[i].not {
			body[at].Jt = out
		} else {
			body[at].Jf = out
		}
	}
	return body
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(condition uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | condition | unix.BPF_K, Jt: yes, Jf: no, K: value}
}

func answer(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// distance returns the offset of a conditional jump, which has 8 bits.
func distance(n int) uint8 {
	if n > 255 {
		panic("sandbox: internal error: a rule is too long to jump over")
	}
	return uint8(n)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

package sandbox

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// systemCall is what a filter sees of one (struct seccomp_data).
type systemCall struct {
	arch uint32
	nr   uint32
	args [6]uint64
}

// word is a 32-bit word of the structure, on a little-endian machine.
func (c systemCall) word(offset uint32) (uint32, error) {
	switch {
	case offset == offsetCall:
		return c.nr, nil
	case offset == offsetArch:
		return c.arch, nil
	case offset >= offsetArgs && offset < offsetArgs+6*sizeArg && offset%4 == 0:
		arg := c.args[(offset-offsetArgs)/sizeArg]
		return uint32(arg >> (8 * (offset % sizeArg))), nil
	}
	return 0, errors.New("a load from nowhere")
}

// judge runs a program as the kernel would.
func judge(t *testing.T, program []unix.SockFilter, c systemCall) uint32 {
	t.Helper()
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		isTrue := false
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			var err error
			if a, err = c.word(i.K); err != nil {
				t.Fatalf("instruction %d: %v", pc, err)
			}
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
			continue
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			isTrue = a == i.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			isTrue = a >= i.K
		default:
			t.Fatalf("instruction %d has the unknown code %#x", pc, i.Code)
		}
		if isTrue {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	t.Fatal("the program does not end")
	return 0
}

func TestCompile(t *testing.T) {
	const arch, refused = 7, unix.SECCOMP_RET_ERRNO | 1
	program := compile(policy{
		arch: arch, x32: true, refuse: refused,
		rules: []rule{
			{call: 1},
			{2, [][]check{{is(0, 5), isNot(1, 6), hasNot(2, 4)}, {is(0, 9)}}},
			{3, [][]check{{isBut(1, 0x80800, 1)}}},
			{call: 4},
		},
		absent: map[uint32]uint32{5: 38},
	})
	for _, tc := range []struct {
		name string
		call systemCall
		want uint32
	}{
		{"always", systemCall{arch: arch, nr: 1}, unix.SECCOMP_RET_ALLOW},
		{"always, behind others", systemCall{arch: arch, nr: 4}, unix.SECCOMP_RET_ALLOW},
		{"another architecture", systemCall{arch: 8, nr: 1}, unix.SECCOMP_RET_KILL_PROCESS},
		{"another numbering", systemCall{arch: arch, nr: x32Bit | 1}, unix.SECCOMP_RET_KILL_PROCESS},
		{"not on the list", systemCall{arch: arch, nr: 99}, refused},
		{"absent", systemCall{arch: arch, nr: 5}, unix.SECCOMP_RET_ERRNO | 38},
		{"first alternative", systemCall{arch: arch, nr: 2, args: [6]uint64{5, 7, 3}}, unix.SECCOMP_RET_ALLOW},
		{"its first check fails", systemCall{arch: arch, nr: 2, args: [6]uint64{4, 7, 3}}, refused},
		{"its second check fails", systemCall{arch: arch, nr: 2, args: [6]uint64{5, 6, 3}}, refused},
		{"its third check fails", systemCall{arch: arch, nr: 2, args: [6]uint64{5, 7, 4}}, refused},
		{"second alternative", systemCall{arch: arch, nr: 2, args: [6]uint64{9, 6, 4}}, unix.SECCOMP_RET_ALLOW},
		{"the upper half does not count", systemCall{arch: arch, nr: 2, args: [6]uint64{9 | 1<<40}}, unix.SECCOMP_RET_ALLOW},
		{"bits that do not count", systemCall{arch: arch, nr: 3, args: [6]uint64{0, 0x80801}}, unix.SECCOMP_RET_ALLOW},
		{"bits that count", systemCall{arch: arch, nr: 3, args: [6]uint64{0, 3}}, refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := judge(t, program, tc.call); got != tc.want {
				t.Errorf("got %#x, want %#x", got, tc.want)
			}
		})
	}
}

func TestARuleThatIsTooLongIsOurMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was compiled")
		}
	}()
	compile(policy{rules: []rule{{1, oneOf(0, make([]uint32, 100)...)}}})
}

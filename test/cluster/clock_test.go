package cluster

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hasOtherClocks is whether startAhead can shift a clock here.
const hasOtherClocks = runtime.GOARCH == "amd64"

// startAhead returns what starts a process whose clock is ahead of ours by so much, from its first instruction on.
//
// Go programs read the clock by a function of the vDSO, which the kernel maps into each process; no library stands in
// between. So that function is overwritten before the program runs, with one that asks the kernel and adds the difference
// to CLOCK_REALTIME. Timers use CLOCK_MONOTONIC, and stay as they are.
func startAhead(ahead time.Duration) func(cmd *exec.Cmd) error {
	if ahead == 0 {
		return (*exec.Cmd).Start
	}
	return func(cmd *exec.Cmd) error {
		runtime.LockOSThread() // ptrace is about a thread
		defer runtime.UnlockOSThread()
		cmd.SysProcAttr.Ptrace = true
		if err := cmd.Start(); err != nil {
			return err
		}
		pid := cmd.Process.Pid
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
			return fmt.Errorf("wait for the program to begin: %v, %w", status, err)
		}
		if err := shiftClock(pid, ahead); err != nil {
			return fmt.Errorf("shift the clock: %w", err)
		}
		return syscall.PtraceDetach(pid)
	}
}

// shiftClock overwrites the clock of a traced process that has not begun to run.
func shiftClock(pid int, ahead time.Duration) error {
	at, err := findClock(pid)
	if err != nil {
		return err
	}
	code := []byte{
		0xb8, 228, 0, 0, 0, // mov eax, SYS_clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi: CLOCK_REALTIME is 0
		0x75, 13, // jnz over the next two
		0x48, 0xb9, // mov rcx, seconds
	}
	code = binary.LittleEndian.AppendUint64(code, uint64(int64(ahead/time.Second)))
	code = append(code,
		0x48, 0x01, 0x0e, // add [rsi], rcx
		0xc3, // ret
	)
	_, err = syscall.PtracePokeText(pid, uintptr(at), code)
	return err
}

// findClock returns the address of the vDSO's clock_gettime.
func findClock(pid int) (uint64, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(maps)) {
		if !strings.Contains(line, "[vdso]") {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(line)[0], "-")
		low, err := strconv.ParseUint(from, 16, 64)
		if err != nil {
			return 0, err
		}
		high, err := strconv.ParseUint(to, 16, 64)
		if err != nil {
			return 0, err
		}
		image := make([]byte, high-low)
		if _, err := syscall.PtracePeekData(pid, uintptr(low), image); err != nil {
			return 0, err
		}
		file, err := elf.NewFile(bytes.NewReader(image))
		if err != nil {
			return 0, err
		}
		symbols, err := file.DynamicSymbols()
		if err != nil {
			return 0, err
		}
		for _, s := range symbols {
			if s.Name == "__vdso_clock_gettime" {
				return low + s.Value, nil
			}
		}
	}
	return 0, fmt.Errorf("process %d has no vDSO with a clock", pid)
}

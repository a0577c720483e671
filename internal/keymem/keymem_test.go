package keymem

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

func TestT39KeysAreInNoCoreDump(t *testing.T) {
	const size = 256 << 10
	p, err := Map(size)
	if err != nil {
		t.Fatal(err)
	}
	if len(p) != size || strings.Trim(string(p), "\x00") != "" {
		t.Fatalf("%d bytes, not all zero", len(p))
	}
	flags := flagsOf(t, uintptr(unsafe.Pointer(unsafe.SliceData(p))))
	if !strings.Contains(flags, " dd") || strings.Contains(flags, " ex") {
		t.Errorf("the kernel has the flags %q, want dd (do not dump)", flags)
	}
	heap := make([]byte, size)
	if flags := flagsOf(t, uintptr(unsafe.Pointer(unsafe.SliceData(heap)))); strings.Contains(flags, " dd") {
		t.Errorf("the heap has the flags %q: this test shows nothing", flags)
	}
}

// flagsOf returns the flags of the mapping at an address (proc_pid_smaps(5)).
func flagsOf(t *testing.T, at uintptr) string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	isIn := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			isIn = from <= at && at < to
		} else if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && isIn {
			return flags
		}
	}
	t.Fatal("the mapping is not listed")
	return ""
}

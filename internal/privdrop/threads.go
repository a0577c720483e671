package privdrop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// thread is what /proc says of one thread's rights (proc_pid_status(5)).
type thread struct {
	id        string
	uids      [4]int // real, effective, saved, file system
	gids      [4]int // 〃
	groups    []int  // supplementary
	effective uint64 // capabilities
	permitted uint64 // 〃
}

func (have thread) checkIDs(want thread) error {
	if have.uids != want.uids {
		return fmt.Errorf("its users are %v, not %v", have.uids, want.uids)
	}
	if have.gids != want.gids {
		return fmt.Errorf("its groups are %v, not %v", have.gids, want.gids)
	}
	return nil
}

func (have thread) checkAll(want thread) error {
	if err := have.checkIDs(want); err != nil {
		return err
	}
	if !slices.Equal(have.groups, want.groups) {
		return fmt.Errorf("its supplementary groups are %v, not %v", have.groups, want.groups)
	}
	if have.effective != want.effective || have.permitted != want.permitted {
		return fmt.Errorf("it has capabilities left: effective %#x, permitted %#x", have.effective, have.permitted)
	}
	return nil
}

// readThreads reads every thread of the process. One that ends meanwhile is left out.
func readThreads() ([]thread, error) {
	const dir = "/proc/self/task"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	threads := make([]thread, 0, len(entries))
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name(), "status"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t, err := parseStatus(string(text))
		if err != nil {
			return nil, fmt.Errorf("thread %s: %w", e.Name(), err)
		}
		t.id = e.Name()
		threads = append(threads, t)
	}
	return threads, nil
}

// parseStatus reads the lines that matter, each of which must be there.
func parseStatus(text string) (thread, error) {
	var t thread
	missing := map[string]bool{"Uid": true, "Gid": true, "Groups": true, "CapEff": true, "CapPrm": true}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		var err error
		switch name {
		case "Uid":
			err = parseFour(value, &t.uids)
		case "Gid":
			err = parseFour(value, &t.gids)
		case "Groups":
			t.groups, err = parseNumbers(value)
		case "CapEff":
			t.effective, err = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		case "CapPrm":
			t.permitted, err = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		default:
			continue
		}
		if err != nil {
			return thread{}, fmt.Errorf("line %s: %w", name, err)
		}
		delete(missing, name)
	}
	if len(missing) > 0 {
		return thread{}, fmt.Errorf("%d lines are missing from its status", len(missing))
	}
	return t, nil
}

func parseFour(value string, four *[4]int) error {
	numbers, err := parseNumbers(value)
	if err != nil {
		return err
	}
	if len(numbers) != len(four) {
		return fmt.Errorf("%d numbers, not %d", len(numbers), len(four))
	}
	copy(four[:], numbers)
	return nil
}

func parseNumbers(value string) ([]int, error) {
	var numbers []int
	for word := range strings.FieldsSeq(value) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

package threads

import (
	"fmt"
	"strconv"
	"strings"
)

// Status is the rights of one thread, from /proc (proc_pid_status(5)).
type Status struct {
	ID         string
	UIDs       [4]int // real, effective, saved, file system
	GIDs       [4]int // the same
	Groups     []int  // supplementary
	NoNewPrivs bool
	Seccomp    int // 0: none, 2: filters

	// Capabilities, one bit each.
	Inheritable, Permitted, Effective, Bounding, Ambient uint64
}

// optional are lines that some kernels lack, together with the feature.
var optional = []string{"CapAmb", "NoNewPrivs", "Seccomp"}

// parseStatus reads the relevant lines. All but the optional ones are required.
func parseStatus(text string) (Status, error) {
	var s Status
	noNewPrivs := 0
	lines := map[string]func(value string) error{
		"Uid":        func(v string) error { return parseFour(v, &s.UIDs) },
		"Gid":        func(v string) error { return parseFour(v, &s.GIDs) },
		"Groups":     func(v string) (err error) { s.Groups, err = parseNumbers(v); return err },
		"CapInh":     func(v string) error { return parseSet(v, &s.Inheritable) },
		"CapPrm":     func(v string) error { return parseSet(v, &s.Permitted) },
		"CapEff":     func(v string) error { return parseSet(v, &s.Effective) },
		"CapBnd":     func(v string) error { return parseSet(v, &s.Bounding) },
		"CapAmb":     func(v string) error { return parseSet(v, &s.Ambient) },
		"NoNewPrivs": func(v string) error { return parseOne(v, &noNewPrivs) },
		"Seccomp":    func(v string) error { return parseOne(v, &s.Seccomp) },
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		parse, isWanted := lines[name]
		if !isWanted {
			continue
		}
		if err := parse(value); err != nil {
			return Status{}, fmt.Errorf("line %s: %w", name, err)
		}
		delete(lines, name)
	}
	for _, name := range optional {
		delete(lines, name)
	}
	if len(lines) > 0 {
		return Status{}, fmt.Errorf("%d lines are missing from its status", len(lines))
	}
	s.NoNewPrivs = noNewPrivs == 1
	return s, nil
}

func parseSet(value string, set *uint64) (err error) {
	*set, err = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
	return err
}

func parseOne(value string, number *int) (err error) {
	*number, err = strconv.Atoi(strings.TrimSpace(value))
	return err
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

package threads

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const someStatus = "Name:\thassesd\nState:\tS (sleeping)\nUid:\t33\t33\t33\t33\nGid:\t34\t34\t34\t34\nGroups:\t50 51 \n" +
	"CapInh:\t0000000000000001\nCapPrm:\t00000000000000ff\nCapEff:\t0000000000000400\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000002\n" +
	"NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"

func TestParseStatus(t *testing.T) {
	got, err := parseStatus(someStatus)
	want := Status{
		UIDs: [4]int{33, 33, 33, 33}, GIDs: [4]int{34, 34, 34, 34}, Groups: []int{50, 51}, NoNewPrivs: true, Seccomp: 2,
		Inheritable: 1, Permitted: 0xff, Effective: 0x400, Bounding: 0x1ffffffffff, Ambient: 2,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestParseStatusOfAThreadWithoutGroups(t *testing.T) {
	got, err := parseStatus(strings.Replace(someStatus, "50 51 ", "", 1))
	if err != nil || len(got.Groups) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseStatusRefusesWhatItCannotRead(t *testing.T) {
	for _, c := range []struct{ old, new string }{
		{"Uid:\t33\t33\t33\t33\n", ""},
		{"Gid:\t34", "Gid:\tx"},
		{"Uid:\t33\t33\t33\t33", "Uid:\t33\t33\t33"},
		{"Groups:\t50 51 \n", ""},
		{"CapEff:\t0000000000000400", "CapEff:\tfull"},
		{"CapPrm:\t00000000000000ff\n", ""},
		{"CapBnd:\t000001ffffffffff\n", ""},
		{"NoNewPrivs:\t1", "NoNewPrivs:\tyes"},
		{"Seccomp:\t2\n", "Seccomp:\tfilter\n"},
	} {
		if got, err := parseStatus(strings.Replace(someStatus, c.old, c.new, 1)); err == nil {
			t.Errorf("with %q for %q: got %+v without an error", c.new, c.old, got)
		}
	}
}

func TestParseStatusOfAnOldKernel(t *testing.T) {
	text := someStatus
	for _, line := range []string{"CapAmb:\t0000000000000002\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		text = strings.Replace(text, line, "", 1)
	}
	got, err := parseStatus(text)
	if err != nil || got.NoNewPrivs || got.Seccomp != 0 || got.Ambient != 0 || got.Bounding == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseStatus(text)
		if err == nil && !strings.Contains(text, "Uid:") {
			t.Errorf("got %+v out of %q", got, text)
		}
	})
}

func TestViewSeesThisProcess(t *testing.T) {
	v, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 { // a view does not wear out
		all, err := v.Read()
		if err != nil || len(all) == 0 {
			t.Fatalf("got %d threads, %v", len(all), err)
		}
		for _, s := range all {
			if s.UIDs[1] != os.Geteuid() || s.GIDs[1] != os.Getegid() {
				t.Errorf("thread %s has the users %v and groups %v, want the effective ones to be %d and %d", s.ID, s.UIDs, s.GIDs, os.Geteuid(), os.Getegid())
			}
		}
	}
}

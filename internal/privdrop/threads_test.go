package privdrop

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const someStatus = "Name:\thassesd\nState:\tS (sleeping)\nUid:\t33\t33\t33\t33\nGid:\t34\t34\t34\t34\nGroups:\t50 51 \nCapInh:\t0000000000000000\nCapPrm:\t00000000000000ff\nCapEff:\t0000000000000400\n"

func TestParseStatus(t *testing.T) {
	got, err := parseStatus(someStatus)
	want := thread{uids: [4]int{33, 33, 33, 33}, gids: [4]int{34, 34, 34, 34}, groups: []int{50, 51}, permitted: 0xff, effective: 0x400}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestParseStatusOfAThreadWithoutGroups(t *testing.T) {
	got, err := parseStatus(strings.Replace(someStatus, "50 51 ", "", 1))
	if err != nil || len(got.groups) != 0 {
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
	} {
		if got, err := parseStatus(strings.Replace(someStatus, c.old, c.new, 1)); err == nil {
			t.Errorf("with %q for %q: got %+v without an error", c.new, c.old, got)
		}
	}
}

func TestReadThreadsSeesThisProcess(t *testing.T) {
	threads, err := readThreads()
	if err != nil || len(threads) == 0 {
		t.Fatalf("got %d threads, %v", len(threads), err)
	}
	for _, th := range threads {
		if th.uids[1] != os.Geteuid() || th.gids[1] != os.Getegid() {
			t.Errorf("thread %s has the users %v and groups %v, want the effective ones to be %d and %d", th.id, th.uids, th.gids, os.Geteuid(), os.Getegid())
		}
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

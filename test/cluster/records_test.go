package cluster

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/test/harness"
)

// forge writes a record as an administrator of the brokers can.
func (w *world) forge(kind, id string, data []byte) {
	w.t.Helper()
	w.brokers.do("forge a record", func(admin js.JetStream) error {
		_, err := admin.PublishMsg(w.t.Context(), &nats.Msg{
			Subject: "hassesd." + clusterName + ".log." + kind, Data: data, Header: nats.Header{js.MsgIDHeader: []string{id}},
		})
		return err
	})
}

func recordOf(t *testing.T, values ...any) []byte {
	t.Helper()
	b, err := cbor.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a stranger writes into the log is skipped or told as a gap, and nothing else.
func TestT48ForgedRecords(t *testing.T) {
	w := newWorld(t, 1)
	s, at := w.nodes[0].subscribe("subscribe=a", "")
	epoch := at[:strings.LastIndexByte(at, '-')]
	now := time.Now().UnixNano()
	body := []byte("data: forged\n\n")
	for i, data := range [][]byte{
		[]byte("no CBOR"),
		recordOf(t, 1, epoch, now, []string{"a\nid: 7"}, "", body, 1),
		recordOf(t, 1, epoch, now, []string{"a"}, "", []byte("id: 99\ndata: x\n\n"), 1),
		bytes.Repeat([]byte{0x81}, 1000),
	} {
		w.forge("msg", fmt.Sprint("f", i), data)
		e, err := s.Next()
		if err != nil || e.Name != "hasses.gap" {
			t.Fatalf("forged record %d: %+v, %v", i, e, err)
		}
	}
	w.forge("msg", "f10", recordOf(t, 1, "0former", now, []string{"a"}, "", body, 1)) // of another epoch
	w.forge("later", "f11", []byte("of a kind of a later release"))
	w.nodes[1].Call("send", map[string]any{"to": "a", "data": "after all"}, nil)
	harness.WantMessage(t, s, "after all")
	w.forge("epoch", "f12", recordOf(t, 1, "0another", 1, 5)) // nodes do not follow it, and begin one of their own
	for _, n := range w.nodes {
		if !n.Log.WaitFor("the epoch of the log has changed\" position=" + epoch) {
			t.Error("the first epoch was not followed")
		}
	}
	harness.Eventually(t, "a new epoch", func() bool {
		var status struct{ Epoch string }
		w.nodes[0].Call("status", nil, &status)
		return status.Epoch > epoch
	})
	for _, n := range w.nodes {
		n.awaitReady()
	}
}

// A node of this release reads what a later one adds, and tells of what it cannot read.
func TestOldBesideNew(t *testing.T) {
	w := newWorld(t, 1)
	s, at := w.nodes[0].subscribe("subscribe=a", "")
	epoch := at[:strings.LastIndexByte(at, '-')]
	number, err := strconv.ParseUint(at[len(epoch)+1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	w.forge("msg", "n1", recordOf(t, 1, epoch, now, []string{"a"}, "", []byte("data: with more behind it\n\n"), number, "more"))
	harness.WantMessage(t, s, "with more behind it")
	w.forge("msg", "n2", recordOf(t, 2, epoch, now, []string{"a"}, "", "in another form", number))
	if e, err := s.Next(); err != nil || e.Name != "hasses.gap" {
		t.Errorf("of a later version: %+v, %v", e, err)
	}
	if !w.nodes[0].Log.WaitFor("newer version") {
		t.Error("the log does not say so")
	}
	w.nodes[1].Call("send", map[string]any{"to": "a", "data": "on"}, nil)
	harness.WantMessage(t, s, "on")
}

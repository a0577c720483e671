package histfile

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/sse"
)

// remembered is some keys.
func remembered() []idempotency.Remembered {
	var keys []idempotency.Remembered
	for i := range 3 {
		keys = append(keys, idempotency.Remembered{
			Key:         bytes.Repeat([]byte{byte(i)}, idempotency.KeyBytes),
			Fingerprint: bytes.Repeat([]byte{7}, idempotency.FingerprintBytes),
			ID:          sse.ID{Epoch: "k3x", Seq: uint64(i + 1)},
			Matched:     i,
			Age:         time.Duration(3-i) * time.Second,
		})
	}
	return keys
}

// readKeys reads a whole file, and returns its keys.
func readKeys(t *testing.T, file []byte, now time.Time) ([]idempotency.Remembered, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), now)
	if err != nil {
		return nil, err
	}
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return r.Keys, nil
		} else if err != nil {
			return nil, err
		}
	}
}

func TestKeysAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	h, now := life(t)
	for _, past := range []eventlog.Checkpoint{h.Checkpoint(now), {Last: h.LastID(), Entries: func(func(eventlog.HistoryEntry) bool) {}}} {
		var file bytes.Buffer
		if err := Write(&file, now, past, remembered()); err != nil {
			t.Fatal(err)
		}
		got, err := readKeys(t, file.Bytes(), now.Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		want := remembered()
		for i := range want {
			want[i].Age += 10 * time.Second
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for cut := range file.Len() {
			if _, err := readKeys(t, file.Bytes()[:cut], now); err == nil {
				t.Fatalf("a file that is cut at %d of %d bytes is read", cut, file.Len())
			}
		}
	}
}

// A file that was written before there were keys, or while there are none, stays readable.
func TestAFileWithoutKeysIsOfTheFirstVersion(t *testing.T) {
	t.Parallel()
	h, now := life(t)
	file := written(t, now, h.Checkpoint(now))
	if keys, err := readKeys(t, file, now); err != nil || len(keys) != 0 {
		t.Errorf("got %v, %v", keys, err)
	}
	old := zipped(t, header{Format: magic, Version: versionKeyless, Epoch: "e", Seq: 5})
	if keys, err := readKeys(t, old, now); err != nil || len(keys) != 0 {
		t.Errorf("version 1: got %v, %v", keys, err)
	}
}

func TestAKeyThatMakesNoSense(t *testing.T) {
	t.Parallel()
	good := key{Key: make([]byte, idempotency.KeyBytes), Fingerprint: make([]byte, idempotency.FingerprintBytes), Epoch: "e", Seq: 1}
	for name, change := range map[string]func(*key){
		"short":    func(k *key) { k.Key = k.Key[1:] },
		"long":     func(k *key) { k.Fingerprint = append(k.Fingerprint, 1) },
		"no epoch": func(k *key) { k.Epoch = "" },
		"matched":  func(k *key) { k.Matched = 1 << 40 },
	} {
		bad := good
		change(&bad)
		file := zipped(t, header{Format: magic, Version: version, Epoch: "e", Seq: 5, Keys: 1}, bad)
		if _, err := readKeys(t, file, start); err == nil || !strings.Contains(err.Error(), "makes no sense") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := readKeys(t, zipped(t, header{Format: magic, Version: version, Epoch: "e", Seq: 5, Keys: 1}, good), start); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

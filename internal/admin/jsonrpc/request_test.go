package jsonrpc

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestParse(t *testing.T) {
	t.Parallel()
	requests, isBatch, e := Parse([]byte(`[{"jsonrpc":"2.0","id":1,"method":"status"},{"jsonrpc":"2.0","method":"send","params":{"to":"a"}},{"jsonrpc":"2.0","id":null,"method":"x"},7]`))
	if e != nil || !isBatch || len(requests) != 4 {
		t.Fatalf("got %+v, %v, %v", requests, isBatch, e)
	}
	for i, want := range []struct {
		id, method string
		notifies   bool
		invalid    bool
	}{{"1", "status", false, false}, {"", "send", true, false}, {"", "x", false, false}, {"", "", false, true}} {
		got := requests[i]
		if got.ID != want.id || got.Method != want.method || got.IsNotification != want.notifies || (got.Invalid != nil) != want.invalid {
			t.Errorf("request %d: %+v", i, got)
		}
	}
	for line, code := range map[string]int{
		"\xff": api.CodeParse,
		"{":    api.CodeParse,
		"[]":   api.CodeInvalidRequest,
		"[" + strings.Repeat("1,", maxBatch) + "1]": api.CodeInvalidRequest,
	} {
		if _, _, e := Parse([]byte(line)); e == nil || e.Code != code || e.Hint == "" {
			t.Errorf("%.20q: %+v, want code %d", line, e, code)
		}
	}
}

func TestRequestIDOfATruncatedRequest(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		`{"jsonrpc":"2.0","id":17,"params":{"data":"xxx`: "17",
		`{"id":"a","params":`:                            `"a"`,
		`{"params":{"id":3,"data":"xxx`:                  "",
		`{"id":1`:                                        "",
		`{"id":{},"params":`:                             "",
		`[{"id":1,`:                                      "",
	} {
		if got := RequestID([]byte(head)); got != want {
			t.Errorf("%s: got %q, want %q", head, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	if got, want := string(Result("1", map[string]string{"a": "<&>"})), `{"jsonrpc":"2.0","id":1,"result":{"a":"<&>"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e := &api.Error{Code: api.CodeNotFound, Message: "m", Hint: "h"}
	if got, want := string(Error("", e)), `{"jsonrpc":"2.0","id":null,"error":{"code":-32004,"message":"m","data":{"hint":"h"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

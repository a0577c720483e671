package send

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// read returns all messages of a source, and the error that ended it.
func read(s source) ([]item, error) {
	var all []item
	for {
		next, err := s.next()
		if err != nil {
			return all, err
		}
		all = append(all, next)
	}
}

func messages(data ...string) []item {
	var all []item
	for _, d := range data {
		all = append(all, item{data: d})
	}
	return all
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	for _, tt := range []struct {
		name, in string
		want     []item
	}{
		{"nothing", "", nil},
		{"each ended", "a\nb\n", messages("a", "b")},
		{"the last is not ended", "a\nb", messages("a", "b")},
		{"empty lines are skipped", "\n\na\n\r\n\nb\n\n", messages("a", "b")},
		{"CRLF", "a\r\nb\r\n", messages("a", "b")},
		{"a CR elsewhere stays", "a\rb\n\rc\n", messages("a\rb", "\rc")},
		{"blanks are a message", " \n", messages(" ")},
		{"longer than any buffer", long + "\n" + long, messages(long, long)},
		{"more than ASCII", "größe\n日本\n", messages("größe", "日本")},
	} {
		for how, r := range map[string]io.Reader{
			"at once":    strings.NewReader(tt.in),
			"by bytes":   iotest.OneByteReader(strings.NewReader(tt.in)),
			"with error": iotest.DataErrReader(strings.NewReader(tt.in)),
		} {
			if got, err := read(newLines(r)); !reflect.DeepEqual(got, tt.want) || !errors.Is(err, io.EOF) {
				t.Errorf("%s, %s: got %q, %v", tt.name, how, got, err)
			}
		}
	}
}

func TestLinesThatAreNoMessages(t *testing.T) {
	t.Parallel()
	broken := errors.New("the pipe broke")
	for _, tt := range []struct {
		name  string
		in    io.Reader
		want  []item
		error string
	}{
		{"not UTF-8", strings.NewReader("a\n\n\xff\nb\n"), messages("a"), "line 3 of standard input is not UTF-8"},
		{"too long", strings.NewReader("a\n" + strings.Repeat("x", maxMessage+bufferSize) + "\n"), messages("a"), "line 2 of standard input is over 16 MiB"},
		{"an error", io.MultiReader(strings.NewReader("a\nhal"), iotest.ErrReader(broken)), messages("a"), "read standard input: the pipe broke"},
	} {
		got, err := read(newLines(tt.in))
		if !reflect.DeepEqual(got, tt.want) || err == nil || !strings.HasPrefix(err.Error(), tt.error) {
			t.Errorf("%s: got %q, %v", tt.name, got, err)
		}
	}
}

// bufferSize is that of package bufio.
const bufferSize = 4096

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     []item
		remark   bool
	}{
		{"nothing", "", nil, false},
		{"of a language model", "event: delta\nid: 7\nretry: 9\ndata: {\"text\":\"Hel\"}\n\ndata: [DONE]\n\n", []item{{"delta", `{"text":"Hel"}`}, {"", "[DONE]"}}, false},
		{"several lines", "data: a\ndata: b\r\ndata:\r\r", messages("a\nb\n"), false},
		{"comments and events without data", ": ping\n\nevent: x\n\ndata: a\n\n: end", messages("a"), false},
		{"the name that is the default", "event: message\ndata: a\n\n", messages("a"), false},
		{"cut off", "data: a\n\ndata: b\n", messages("a"), true},
		{"cut off in a line", "data: a\n\nda", messages("a"), true},
		{"cut off after the name", "event: x\n", nil, true},
	} {
		for how, r := range map[string]io.Reader{
			"at once":  strings.NewReader(tt.in),
			"by bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
		} {
			e := newEvents(r)
			got, err := read(e)
			if !reflect.DeepEqual(got, tt.want) || !errors.Is(err, io.EOF) || (e.remark() != "") != tt.remark {
				t.Errorf("%s, %s: got %q, %v, remark %q", tt.name, how, got, err, e.remark())
			}
		}
	}
	if _, err := read(newEvents(strings.NewReader("data: " + strings.Repeat("x", maxMessage)))); err == nil || !strings.Contains(err.Error(), "16 MiB") {
		t.Errorf("a large event: %v", err)
	}
	if _, err := read(newEvents(iotest.ErrReader(errors.New("the pipe broke")))); err == nil || !strings.Contains(err.Error(), "read standard input: the pipe broke") {
		t.Errorf("an error: %v", err)
	}
}

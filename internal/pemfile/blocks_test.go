package pemfile

import (
	"bytes"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
)

// block is a block whose content is nothing but bytes.
func block(kind, content string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)}))
}

var (
	one = block("CERTIFICATE", strings.Repeat("first", 40))
	two = block("CERTIFICATE", strings.Repeat("second", 40))
)

func TestBlocksThatAreRead(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		lines      []int
	}{
		{"nothing", "", nil},
		{"text", "no certificate here -- begin of nothing\n", nil},
		{"one", one, []int{1}},
		{"two", one + two, []int{1, 8}},
		{"text around them", "subject=/CN=x\n\n" + one + "issuer=-\n# the root ----\n" + two + "the end", []int{3, 12}},
		{"CRLF", strings.ReplaceAll(one+two, "\n", "\r\n"), []int{1, 8}},
		{"no line break at the end", strings.TrimSuffix(one+two, "\n"), []int{1, 8}},
		{"blanks behind the boundaries", strings.ReplaceAll(one, "-----\n", "----- \t\n"), []int{1}},
		{"headers", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")})), []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Blocks([]byte(tt.text))
			if err != nil || len(got) != len(tt.lines) {
				t.Fatalf("%d blocks, %v; want %d", len(got), err, len(tt.lines))
			}
			for i, line := range tt.lines {
				if got[i].Line != line {
					t.Errorf("block %d begins in line %d, want %d", i, got[i].Line, line)
				}
			}
		})
	}
}

func TestWhateverBeginsLikeABlockIsReadOrAnError(t *testing.T) {
	lines := strings.SplitAfter(two, "\n")
	damaged := lines[0] + lines[1] + "*" + strings.Join(lines[2:], "")
	withoutEnd := strings.Join(lines[:len(lines)-2], "")
	for _, tt := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"damaged base64", one + damaged, 8, "is damaged"},
		{"a part of a line lost", one + strings.Replace(two, lines[1], lines[1][:30]+"\n", 1), 8, "is damaged"},
		{"cut off", one + two[:len(two)-60], 8, "cut off"},
		{"cut off in the END line", one + strings.TrimSuffix(two, "--\n"), 14, "five hyphens"},
		{"END is missing, another follows", one + withoutEnd + one, 8, "another one begins in line 14"},
		{"BEGIN is missing", one + strings.Join(lines[1:], ""), 13, "no beginning"},
		{"another label at the end", one + strings.Replace(two, "END CERTIFICATE", "END X509 CRL", 1), 14, `ends as "X509 CRL"`},
		{"a byte order mark at the beginning", byteOrderMark + one, 1, "byte order mark"},
		{"a byte order mark between", one + byteOrderMark + two, 8, "byte order mark"},
		{"UTF-16", "\xff\xfe-\x00-\x00", 1, "UTF-16"},
		{"no line break between", strings.TrimSuffix(one, "\n") + two, 7, "nothing beside them"},
		{"all in one line", strings.ReplaceAll(one, "\n", " "), 1, "nothing beside them"},
		{"line breaks of a variable", strings.ReplaceAll(one, "\n", `\n`), 1, "nothing beside them"},
		{"lone CR", strings.ReplaceAll(one, "\n", "\r"), 1, "nothing beside them"},
		{"indented", "  " + strings.ReplaceAll(one, "\n", "\n  "), 1, "nothing beside them"},
		{"commented out", one + "#" + strings.ReplaceAll(two, "\n", "\n#"), 8, "nothing beside them"},
		{"a hyphen lost", one + two[1:], 8, "five hyphens"},
		{"a hyphen too many", one + "-" + two, 8, "five hyphens"},
		{"small letters", strings.ToLower(one), 1, "five hyphens"},
		{"dashes of a text processor", strings.ReplaceAll(one, "-----", "—–"), 1, "five hyphens"},
		{"another format", "---- BEGIN SSH2 PUBLIC KEY ----\n", 1, "five hyphens"},
		{"no label", "-----BEGIN -----\n-----END -----\n", 1, "five hyphens"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Blocks([]byte(tt.text))
			var at *Error
			if !errors.As(err, &at) || at.Line != tt.line || !strings.Contains(at.What, tt.want) || got != nil {
				t.Errorf("%d blocks, error %v; want line %d and %q", len(got), err, tt.line, tt.want)
			}
		})
	}
}

// FuzzBlocks compares with encoding/pem: what it finds is found here or an error, and never passed
// over.
func FuzzBlocks(f *testing.F) {
	for _, text := range []string{"", one, one + two, one + byteOrderMark + two, strings.TrimSuffix(one, "\n") + two, "-----BEGIN -----\n-----END -----"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Blocks(text)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Line < 1 || at.Line > bytes.Count(text, []byte("\n"))+1 || len(got) > 0 {
				t.Errorf("%d blocks beside the error %v", len(got), err)
			}
			return
		}
		if begins := bytes.Count(text, []byte("-----BEGIN ")); begins != len(got) {
			t.Errorf("%d beginnings and %d blocks", begins, len(got))
		}
		if ends := bytes.Count(text, []byte("-----END ")); ends != len(got) {
			t.Errorf("%d ends and %d blocks", ends, len(got))
		}
		rest := text
		for i, b := range got {
			var want *pem.Block
			if want, rest = pem.Decode(rest); want == nil || want.Type != b.Type || !bytes.Equal(want.Bytes, b.Bytes) || !maps.Equal(want.Headers, b.Headers) {
				t.Fatalf("block %d is %q, encoding/pem says %+v", i, b.Type, want)
			}
		}
		if more, _ := pem.Decode(rest); more != nil {
			t.Errorf("a %s was passed over", more.Type)
		}
		if _, err := Certificates(text); err == nil && len(got) == 0 {
			t.Error("certificates without a block")
		}
		if err := CheckKey(text); err == nil && !bytes.Contains(text, []byte("PRIVATE KEY")) {
			t.Error("a key without its label")
		}
	})
}

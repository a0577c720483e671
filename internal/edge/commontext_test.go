package edge

import (
	"strings"
	"testing"
	"unsafe"
)

func TestCommonTextIsInMemoryOnce(t *testing.T) {
	t.Parallel()
	one, two := newCommonText(strings.Repeat("Mozilla", 3)), newCommonText(strings.Repeat("Mozilla", 3))
	if one != two || one.String() != "MozillaMozillaMozilla" || unsafe.StringData(one.String()) != unsafe.StringData(two.String()) {
		t.Errorf("%q and %q are two texts", one, two)
	}
	if empty := newCommonText(""); empty != (commonText{}) || empty.String() != "" || (commonText{}).String() != "" {
		t.Errorf("no text is %q", empty)
	}
}

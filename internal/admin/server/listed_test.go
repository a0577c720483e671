package server

import (
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// A list that waits to be sent holds its text, and what it was made of no longer.
func TestAListHoldsWhatIsCounted(t *testing.T) {
	var l listings
	l.init(nil)
	list, e := l.list(t.Context(), api.RoleRead, func() (any, *api.Error) { return make([]byte, listBytes), nil })
	if e != nil {
		t.Fatal(e)
	}
	if l.held() != listBytes {
		t.Errorf("%d bytes are held before there is a text", l.held())
	}
	list.settle(7)
	if list.value != nil || l.held() != 7 {
		t.Errorf("it holds a value: %t, %d bytes are counted", list.value != nil, l.held())
	}
	list.release()
	if l.held() != 0 {
		t.Errorf("%d bytes are held after all", l.held())
	}
}

package httppublish

import (
	"testing"

	"github.com/hassesd/hassesd/internal/publish"
)

// Each request that is refused counts once among the reasons of requests and messages together.
func TestARefusalHasOneReason(t *testing.T) {
	t.Parallel()
	count := func(w *testService) (n uint64) {
		for _, one := range w.RefusedAlone() {
			n += one
		}
		for _, one := range w.o.Publisher.Stats().Doors[publish.DoorHTTP].Refused {
			n += one
		}
		return n
	}
	for _, tt := range []struct {
		contentType, query, body string
		key                      string
	}{
		{form, "", "to=a&data=x", "a wrong key"},
		{"multipart/form-data", "", "", shopKey},
		{form, "", "to=a", shopKey},
		{form, "", "to=a;b&data=x", shopKey},
		{form, "", "to=a&data=x&except=%0a", shopKey},
		{"text/plain", "to=a&event=hasses.gap", "x", shopKey},
		{"application/json", "", "[{}]", shopKey},
		{"application/json", "", `[{"to":"a","data":"x","event":"hasses.gap"}]`, shopKey},
		{eventStream, "to=a", "event: hasses.gap\ndata: x\n\n", shopKey},
	} {
		w := newTestService(t)
		h := head(tt.contentType, tt.query)
		h.Authorization = "Bearer " + tt.key
		a := w.post(t, h, tt.body)
		if a.Code == "" || count(w) != 1 || w.Refused()[a.Code] != 1 {
			t.Errorf("%s of %q: counted %d, requests %d, messages %v", a.Code, tt.body, count(w), w.Refused()[a.Code], w.o.Publisher.Stats().Doors[publish.DoorHTTP].Refused)
		}
	}
	w := newTestService(t)
	body := "to=a&data=x&except=%0a"
	if a := w.begin(t, form, "", body).TryRun([]byte(body)).Answer(true); a.Code == "" || count(w) != 1 {
		t.Errorf("at once: %q, counted %d", a.Code, count(w))
	}
}

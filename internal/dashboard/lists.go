package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	operators "github.com/hassesd/hassesd/internal/api"
)

const (
	// pageRows is how many rows a page of a list has.
	pageRows = 20
	// listTimeout bounds one list, with the wait for its turn.
	listTimeout = 10 * time.Second
	// listRest is how long the next list waits, in units of the time that the last one took, at
	// most listRestMost: lists take at most a quarter of the loops' time, as with the control
	// protocol.
	listRest     = 3
	listRestMost = time.Second
)

// lister makes one list, as the query asks.
type lister = func(ctx context.Context, query url.Values) (any, error)

func (d *Dashboard) clients(ctx context.Context, query url.Values) (any, error) {
	p := api.ClientsParams{
		Room: query.Get("room"), ID: query.Get("id"), Addr: query.Get("addr"), Sort: query.Get("sort"), Cursor: query.Get("cursor"), Limit: pageRows,
	}
	if e := p.Check(); e != nil {
		return nil, e
	}
	list, err := d.backend.Clients(ctx, p)
	return list.WithoutNulls(), err
}

func (d *Dashboard) rooms(ctx context.Context, query url.Values) (any, error) {
	p := api.RoomsParams{Prefix: query.Get("prefix"), Sort: query.Get("sort"), Cursor: query.Get("cursor"), Limit: pageRows}
	if e := p.Check(); e != nil {
		return nil, e
	}
	list, err := d.backend.Rooms(ctx, p)
	return list, err
}

func (d *Dashboard) certificates(ctx context.Context, _ url.Values) (any, error) {
	list, err := d.backend.Certificates(ctx)
	return list.WithoutNulls(), err
}

func (d *Dashboard) limits(ctx context.Context, _ url.Values) (any, error) {
	list, err := d.backend.Limits(ctx, api.LimitsParams{Penalized: pageRows})
	return list.WithoutNulls(), err
}

func (d *Dashboard) nodes(ctx context.Context, _ url.Values) (any, error) {
	list, err := d.backend.Nodes(ctx)
	return list, err
}

// serveList makes lists one after the other, with a rest between them.
func (d *Dashboard) serveList(list lister) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), listTimeout)
		defer cancel()
		rows, err := d.inTurn(ctx, func() (any, error) { return list(ctx, req.URL.Query()) })
		if err != nil {
			writeFailure(w, err)
			return
		}
		operators.WriteJSON(w, http.StatusOK, rows)
	})
}

// inTurn makes a list when its turn has come.
func (d *Dashboard) inTurn(ctx context.Context, list func() (any, error)) (any, error) {
	select {
	case d.listing <- struct{}{}:
		defer func() { <-d.listing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if wait := d.rested.Sub(d.now()); wait > 0 {
		rest := time.NewTimer(wait)
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	begun := d.now()
	defer func() {
		ended := d.now()
		d.rested = ended.Add(min(listRest*ended.Sub(begun), listRestMost))
	}()
	return list()
}

// writeFailure writes why there is no list.
func writeFailure(w http.ResponseWriter, err error) {
	status, code := http.StatusInternalServerError, "internal"
	e := api.AsError(err)
	switch {
	case e.Code == api.CodeInvalidParams:
		status, code = http.StatusBadRequest, "bad_request"
	case errors.Is(e, api.ErrOverloaded):
		status, code = http.StatusServiceUnavailable, "busy"
		w.Header().Set("Retry-After", strconv.Itoa(int(listRestMost/time.Second)))
	}
	operators.WriteError(w, status, code, e.Message)
}

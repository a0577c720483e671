package server

import (
	"context"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// Bounds of answers whose length clients choose: by their number, and by the names of their rooms.
const (
	// listRows is how many rows a page has by default, and mostListRows how many it has at most.
	listRows     = 500
	mostListRows = 1000
	// listBytes bounds the rows of a page, which has at least one.
	listBytes = 256 << 10
	// listBytesTotal bounds all such answers that are being made, or wait to be written.
	listBytesTotal = 8 << 20
	// listPatience is how long a list that is sent in pieces may take as a whole.
	listPatience = time.Minute
	// listRest is how long the next list waits, in units of the time that the last one took: lists
	// take at most a quarter of the loops' time, however often they are asked for. The wait is at
	// most listRestMost.
	listRest     = 3
	listRestMost = time.Second
)

// listings bounds how many lists are made at a time: one for administrators, who never wait for
// others, and one for everyone else.
type listings struct {
	lanes [2]chan struct{}
	total int64           // listBytesTotal
	stop  <-chan struct{} // ends every wait

	mu sync.Mutex
	// guarded by mu
	bytes int64         // reserved
	freed chan struct{} // closed when some is given back; nil: nobody waits
}

func (l *listings) init(stop <-chan struct{}) {
	l.total, l.stop = listBytesTotal, stop
	for i := range l.lanes {
		l.lanes[i] = make(chan struct{}, 1)
	}
}

// listed is a result that holds a part of listBytesTotal until it is released.
type listed struct {
	value any // nil: its text is all that is left
	from  *listings
	bytes int64
}

// list makes a list when its turn has come. The result is a *listed, which the caller releases.
func (l *listings) list(ctx context.Context, role api.Role, ask func() (any, *api.Error)) (*listed, *api.Error) {
	lane, total := l.lanes[0], l.total/4*3
	if role == api.RoleAdmin {
		lane, total = l.lanes[1], l.total
	}
	if !l.reserve(ctx, listBytes, total) {
		return nil, tooManyLists()
	}
	select {
	case lane <- struct{}{}:
	case <-ctx.Done():
		l.release(listBytes)
		return nil, tooManyLists()
	case <-l.stop:
		l.release(listBytes)
		return nil, tooManyLists()
	}
	began := time.Now()
	value, e := ask()
	time.AfterFunc(min(listRest*time.Since(began), listRestMost), func() { <-lane })
	if e != nil {
		l.release(listBytes)
		return nil, e
	}
	return &listed{value: value, from: l, bytes: listBytes}, nil
}

func tooManyLists() *api.Error {
	return &api.Error{Code: api.CodeOverloaded, Message: "too many lists are asked for, or wait to be read", Hint: "try again a little later"}
}

// reserve waits for so many bytes of total.
func (l *listings) reserve(ctx context.Context, bytes, total int64) bool {
	for {
		l.mu.Lock()
		if l.bytes+bytes <= total {
			l.bytes += bytes
			l.mu.Unlock()
			return true
		}
		if l.freed == nil {
			l.freed = make(chan struct{})
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		case <-l.stop:
			return false
		}
	}
}

func (l *listings) release(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= bytes
	if l.freed != nil {
		close(l.freed)
		l.freed = nil
	}
}

// held returns how many bytes are reserved.
func (l *listings) held() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// settle replaces the value by a text of so many bytes, and the reservation by their number.
func (r *listed) settle(bytes int) {
	r.value = nil
	r.from.release(r.bytes - int64(bytes))
	r.bytes = int64(bytes)
}

// release gives the list up, once.
func (r *listed) release() {
	r.from.release(r.bytes)
	r.bytes = 0
}

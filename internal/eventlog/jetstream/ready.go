package jetstream

import "time"

// enter makes the connection of a session that has caught up the one through which messages are appended.
func (st *state) enter(c *conn) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.conn = c
	st.announce()
	st.setReady(true, "")
}

// warnInterval is the least time between two warnings that the log cannot be followed: what hinders it
// may change with each broker that is tried.
const warnInterval = 5 * time.Second

// leave is the end of a session; err is what ended it, nil for the end of Run.
func (st *state) leave(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	why := ""
	if err != nil {
		why = err.Error()
	}
	if st.conn != nil {
		st.conn = nil
		st.announce()
		st.status.AwaySince = st.o.Now()
		st.warned, st.warnedOf = st.o.Now(), why
		if err != nil {
			st.o.Logger.Warn("the cluster's log is out of reach", "err", err)
		}
	} else if why != st.warnedOf && why != "" && st.o.Now().Sub(st.warned) > warnInterval {
		st.warned, st.warnedOf = st.o.Now(), why
		st.o.Logger.Warn("the cluster's log cannot be followed", "err", err)
	}
	st.status.Connected = false
	st.setReady(false, why)
}

// announce wakes all who wait for another connection. Guarded by mu.
func (st *state) announce() {
	close(st.changed)
	st.changed = make(chan struct{})
}

// setReady is guarded by mu.
func (st *state) setReady(ready bool, why string) {
	st.status.Why = why
	if st.status.Ready == ready {
		return
	}
	st.status.Ready = ready
	if ready {
		st.o.Logger.Info("the cluster's log is followed", "cluster", st.o.Name, "node", st.o.Node, "server", st.status.Server, "position", st.position.String())
	}
}

// judgeLag makes a node that takes longer than a look to read what the log had one that is not
// ready: clients that come from others would be ahead of it. Guarded by mu.
func (st *state) judgeLag(c *conn, isBehind bool, end uint64) {
	switch {
	case st.conn != c:
	case isBehind && st.status.Ready:
		st.status.AwaySince = st.o.Now()
		st.setReady(false, "this node is slow to read the log")
		st.o.Logger.Warn("this node is slow to read the cluster's log", "position", st.position.String(), "end", end)
	case !isBehind && !st.status.Ready:
		st.setReady(true, "")
	}
}

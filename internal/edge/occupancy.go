package edge

// occupancy is how many streams each HTTP/2 connection of a worker carries. It knows the fullest one
// without a walk over all.
type occupancy struct {
	conns   int
	secure  int   // of conns, those over TLS
	with    []int // connections by their number of streams
	most    int   // streams of the fullest connection
	changes uint64
}

// add counts a connection, which has no stream yet.
func (o *occupancy) add(secure bool) {
	o.conns++
	if secure {
		o.secure++
	}
	o.enter(0)
}

// remove takes out a connection that had so many streams.
func (o *occupancy) remove(secure bool, streams int) {
	o.conns--
	if secure {
		o.secure--
	}
	o.leave(streams)
}

// move counts that the streams of a connection became more or fewer.
func (o *occupancy) move(from, to int) {
	o.enter(to)
	o.leave(from)
}

func (o *occupancy) enter(streams int) {
	for len(o.with) <= streams {
		o.with = append(o.with, 0)
	}
	o.with[streams]++
	o.most = max(o.most, streams)
	o.changes++
}

func (o *occupancy) leave(streams int) {
	o.with[streams]--
	for o.most > 0 && o.with[o.most] == 0 {
		o.most--
	}
	o.changes++
}

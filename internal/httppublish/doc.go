// Package httppublish answers POST: it finds out who publishes, reads messages from the body of the
// request, and publishes them. It knows no listener; each door of HTTP hands in what it knows of a
// request, and a body to read.
//
//	p, refused := service.Begin(head) // by the head alone; never waits
//	if refused != nil { …answer it… }
//	answer := p.Run(ctx, body)         // reads the body; may take hours
//
// Begin may be called on an event loop, Run may not. [Service.ServeHTTP] is the whole of it for a
// server of net/http:
//
//	api := httppublish.New(httppublish.Options{Door: publish.DoorAPI, …})
//	mux.Handle("POST "+path, api)
//
// The server must have no deadlines for reading or writing such a request, as its body may stay open
// for hours: Run sets deadlines of its own for reading. Checking the Host field is up to the server.
package httppublish

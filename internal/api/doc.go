// Package api is the operators' HTTP listener (api.listen): health checks, metrics, profiles, and
// the routes that other packages mount.
//
// To add a route, put a [Route] into [Options.Routes]. The [Server] has checked Host, method and
// role before it calls the handler, and adds the header fields that every response has. Handlers
// that report figures get them from [Figures], which is a snapshot: a loop that does not turn holds
// up none of them.
//
//	api.Route{Path: "/api/figures", Access: api.Reads, Handler: handler}
package api

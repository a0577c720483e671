# Varnish in front of hassesd, behind something that terminates TLS, such as hitch. See docs/proxies.md.
vcl 4.1;

backend hassesd {
	.host = "127.0.0.1";
	.port = "8080";
}

sub vcl_recv {
	if (req.url ~ "^/sse(\?|$)") {
		# A pipe has no buffer, and none of the time-outs that end an ordinary response (send_timeout, after ten minutes).
		# Of its own, pipe_timeout, 60 seconds without a byte, is longer than heartbeat.interval, 15 seconds.
		set req.backend_hint = hassesd;
		return (pipe);
	}
}

sub vcl_pipe {
	# Varnish has added the client to X-Forwarded-For. Further requests on this connection would pass it by.
	set bereq.http.Connection = "close";
}

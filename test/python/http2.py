"""Streams on one connection of python3-h2: http2.py HOST PORT PATH COUNT CA-FILE

Each stream has the id sN. What comes is reported as JSON, a line each, with the number of the stream as state. A stream
that ends is asked for again with the last id that it had; so are all of them when the connection is lost.
"""
import json
import select
import socket
import ssl
import sys
import time

import h2.config
import h2.connection
import h2.errors
import h2.events

HOST, PORT, PATH, COUNT, CA = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
RETRY = 0.2  # seconds


def report(**what):
    print(json.dumps(what), flush=True)


class Stream:
    """One subscription, whatever connection carries it."""

    def __init__(self, number):
        self.number, self.last_id, self.text = number, "", ""

    def request(self):
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", f"{HOST}:{PORT}"),
                  (":path", f"{PATH}&id=s{self.number}"), ("accept", "text/event-stream")]
        self.text = ""
        return fields + ([("last-event-id", self.last_id)] if self.last_id else [])

    def take(self, piece):
        *frames, self.text = (self.text + piece.decode()).split("\n\n")
        for frame in frames:
            fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                report(kind="event", id=self.last_id, data=fields["data"], state=self.number)


def connect():
    context = ssl.create_default_context(cafile=CA)
    context.set_alpn_protocols(["h2"])
    sock = context.wrap_socket(socket.create_connection((HOST, PORT), timeout=10), server_hostname=HOST)
    if sock.selected_alpn_protocol() != "h2":
        sys.exit("the server does not speak HTTP/2")
    sock.settimeout(None)
    return sock


def serve(sock, streams, opened):
    """Runs one connection until it is lost."""
    conn = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=True))
    conn.initiate_connection()
    on, ask_at = {}, {s: 0 for s in streams}
    while True:
        now = time.monotonic()
        for s in [s for s, at in ask_at.items() if at <= now]:
            number = conn.get_next_available_stream_id()
            conn.send_headers(number, s.request(), end_stream=True)
            on[number] = s
            del ask_at[s]
        sock.sendall(conn.data_to_send())
        if not sock.pending() and not select.select([sock, sys.stdin], [], [], RETRY)[0]:
            continue
        if select.select([sys.stdin], [], [], 0)[0]:
            sys.exit(0)  # the test is over
        if not sock.pending() and not select.select([sock], [], [], 0)[0]:
            continue
        piece = sock.recv(65536)
        if not piece:
            return
        for event in conn.receive_data(piece):
            if isinstance(event, h2.events.ResponseReceived):
                if dict(event.headers)[b":status"] != b"200":
                    sys.exit(f"answered {event.headers}")
                opened.add(on[event.stream_id].number)
                if len(opened) == COUNT:
                    opened.add("all")
                    report(kind="open")
            elif isinstance(event, h2.events.DataReceived):
                conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                on[event.stream_id].take(event.data)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                ask_at[on.pop(event.stream_id)] = time.monotonic() + RETRY
            elif isinstance(event, h2.events.ConnectionTerminated):
                if event.error_code != h2.errors.ErrorCodes.NO_ERROR:
                    sys.exit(f"GOAWAY with {event.error_code}")


def main():
    streams, opened = [Stream(i) for i in range(COUNT)], set()
    while True:
        try:
            serve(connect(), streams, opened)
        except (ConnectionError, ssl.SSLError, TimeoutError, socket.timeout):
            pass
        time.sleep(RETRY)


main()

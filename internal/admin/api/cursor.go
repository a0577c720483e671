package api

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// ClientCursor is the last client of a page, behind which the next one begins.
type ClientCursor struct {
	Key  uint64 // what the list is sorted by; 0 by age
	Conn uint64

	Stream uint32 // of HTTP/2
}

// Text returns the cursor as callers see it: an opaque string.
func (c ClientCursor) Text(sort string) string {
	text := fmt.Sprintf("%s.%d.%d", cmp.Or(sort, SortAge), c.Key, c.Conn)
	if c.Stream > 0 {
		text += fmt.Sprintf(".%d", c.Stream)
	}
	return text
}

// ReadClientCursor parses what Text returned for a list of that order.
func ReadClientCursor(sort, text string) (ClientCursor, error) {
	order, rest, _ := strings.Cut(text, ".")
	key, rest, _ := strings.Cut(rest, ".")
	conn, stream, hasStream := strings.Cut(rest, ".")
	k, errKey := strconv.ParseUint(key, 10, 64)
	n, errConn := strconv.ParseUint(conn, 10, 64)
	var s uint64
	var errStream error
	if hasStream {
		s, errStream = strconv.ParseUint(stream, 10, 31)
	}
	if order != cmp.Or(sort, SortAge) || errKey != nil || errConn != nil || errStream != nil {
		return ClientCursor{}, badCursor()
	}
	return ClientCursor{Key: k, Conn: n, Stream: uint32(s)}, nil
}

// ClientCursorAfter returns the cursor of a page that ends with the client.
func ClientCursorAfter(sort string, c *Client) string {
	at := ClientCursor{Conn: c.Conn, Stream: c.Stream}
	switch sort {
	case SortQueue:
		at.Key = uint64(max(0, c.QueueBytes))
	case SortSent:
		at.Key = c.Sent
	}
	return at.Text(sort)
}

// RoomCursor is the last room of a page, behind which the next one begins.
type RoomCursor struct {
	Number int // its streams or, if sorted by name, the number of all rooms
	Room   string
}

// RoomCursorAfter returns the cursor of a page of so many rooms in all that ends with the room.
func RoomCursorAfter(sort string, r Room, total int) string {
	number := r.Streams
	if sort == SortName {
		number = total
	}
	return fmt.Sprintf("%s.%d.%s", cmp.Or(sort, SortStreams), number, r.Room)
}

// ReadRoomCursor parses what RoomCursorAfter returned for a list of that order.
func ReadRoomCursor(sort, text string) (RoomCursor, error) {
	order, rest, _ := strings.Cut(text, ".")
	number, room, ok := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if order != cmp.Or(sort, SortStreams) || err != nil || n < 0 || !ok || room == "" {
		return RoomCursor{}, badCursor()
	}
	return RoomCursor{Number: n, Room: room}, nil
}

func badCursor() *Error {
	return InvalidParams("begin without a cursor", "cursor: not one that an earlier page of the same order gave")
}

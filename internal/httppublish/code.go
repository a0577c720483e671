package httppublish

import "net/http"

// Code names an error in the body of an answer. The set is closed and public: scripts branch on it.
type Code string

// The codes.
const (
	CodeBadRequest           Code = "bad_request"            // the body is not what its type says
	CodeMissingToken         Code = "missing_token"          // neither a token nor a key
	CodeInvalidToken         Code = "invalid_token"          // none that is known, or it has expired
	CodePublishNotAllowed    Code = "publish_not_allowed"    // it is not for publishing
	CodeRoomNotAllowed       Code = "room_not_allowed"       // it is not for this target
	CodeOriginNotAllowed     Code = "origin_not_allowed"     // a page of another origin
	CodeRequestTimeout       Code = "request_timeout"        // the body took too long
	CodeTooLarge             Code = "too_large"              // a message over limits.message_bytes
	CodeTooManyMessages      Code = "too_many_messages"      // more than MaxBatch
	CodeUnsupportedMediaType Code = "unsupported_media_type" // of the body
	CodeInvalidMessage       Code = "invalid_message"        // a field of a message is wrong, or missing
	CodeKeyReused            Code = "key_reused"             // the idempotency key belongs to another message
	CodeTooManyRequests      Code = "too_many_requests"      // in work, for one network
	CodeOverloaded           Code = "overloaded"             // try again
	CodeDraining             Code = "draining"               // the daemon is stopping
)

var statuses = map[Code]int{
	CodeBadRequest:           http.StatusBadRequest,
	CodeMissingToken:         http.StatusUnauthorized,
	CodeInvalidToken:         http.StatusUnauthorized,
	CodePublishNotAllowed:    http.StatusForbidden,
	CodeRoomNotAllowed:       http.StatusForbidden,
	CodeOriginNotAllowed:     http.StatusForbidden,
	CodeRequestTimeout:       http.StatusRequestTimeout,
	CodeTooLarge:             http.StatusRequestEntityTooLarge,
	CodeTooManyMessages:      http.StatusRequestEntityTooLarge,
	CodeUnsupportedMediaType: http.StatusUnsupportedMediaType,
	CodeInvalidMessage:       http.StatusUnprocessableEntity,
	CodeKeyReused:            http.StatusUnprocessableEntity,
	CodeTooManyRequests:      http.StatusTooManyRequests,
	CodeOverloaded:           http.StatusServiceUnavailable,
	CodeDraining:             http.StatusServiceUnavailable,
}

// Status returns the status of the answers with the code.
func (c Code) Status() int { return statuses[c] }

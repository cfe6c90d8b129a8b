package mortar

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Request is a request through a connection.
type Request struct {
	connection, method, path string
	headers                  [][2]string
	body                     []byte
}

// NewRequest has a path below the connection's base URL, which starts with `/`; Encode what you put into
// it.
func NewRequest(method, connection, path string) Request {
	return Request{connection: connection, method: method, path: path}
}

// Get is a GET request.
func Get(connection, path string) Request { return NewRequest("GET", connection, path) }

// Post is a POST request.
func Post(connection, path string) Request { return NewRequest("POST", connection, path) }

// Put is a PUT request.
func Put(connection, path string) Request { return NewRequest("PUT", connection, path) }

// Patch is a PATCH request.
func Patch(connection, path string) Request { return NewRequest("PATCH", connection, path) }

// Delete is a DELETE request.
func Delete(connection, path string) Request { return NewRequest("DELETE", connection, path) }

// Header adds a header. Credentials and the idempotency key are the host's: naming one is denied.
func (request Request) Header(name, value string) Request {
	request.headers = append(request.headers[:len(request.headers):len(request.headers)], [2]string{name, value})
	return request
}

// Body sets a body of that content type.
func (request Request) Body(contentType string, body []byte) Request {
	request.body = body
	return request.Header("content-type", contentType)
}

// JSON sets a JSON body. It panics where the value cannot be JSON.
func (request Request) JSON(value any) Request {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("the body of a request must be a value that JSON can hold: %v", err))
	}
	return request.Body("application/json", body)
}

// Encode percent-encodes a value for one segment of a path, or for a query.
func Encode(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

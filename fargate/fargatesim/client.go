package fargatesim

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Client returns an HTTP client that calls the Server in the same process, whatever the host of a request, so that
// an AWS client works without a socket, and within a testing/synctest bubble.
func (s *Server) Client() *http.Client { return &http.Client{Transport: transport{s}} }

type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := &memory{header: http.Header{}, status: http.StatusOK}
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			response, err = nil, r.Context().Err()
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
		} else if p != nil {
			panic(p)
		}
	}()
	t.handler.ServeHTTP(w, r)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// memory is an http.ResponseWriter that keeps what is written.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) WriteHeader(status int)      { m.status = status }
func (m *memory) Write(b []byte) (int, error) { return m.body.Write(b) }

package fargatesim

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// operation answers one request: it authorizes its caller, too. Its error is an *Error.
type operation func(s *Server, c call) ([]byte, error)

// service is one AWS service behind the endpoint.
type service struct {
	name        string // its signing name
	contentType string
	operations  map[string]operation
	writeError  func(*Error) (status int, body []byte)
}

const jsonContent = "application/x-amz-json-1.1"

// By the first part of X-Amz-Target.
var targets = map[string]*service{
	"AmazonEC2ContainerServiceV20141113": {"ecs", jsonContent, ecsOperations, (*Error).json},
	"Logs_20140328":                      {"logs", jsonContent, logsOperations, (*Error).json},
	"secretsmanager":                     {"secretsmanager", jsonContent, secretsOperations, (*Error).secrets},
}

// By the Version of the Query protocol.
var versions = map[string]*service{
	"2016-11-15": {"ec2", "text/xml;charset=UTF-8", ec2Operations, (*Error).ec2},
	"2011-06-15": {"sts", "text/xml", stsOperations, (*Error).sts},
}

// call is a request on its way.
type call struct {
	*service
	operation string
	body      []byte
	caller    *principal // nil until it is known
}

// ServeHTTP answers one request of any of the services, or of a container for its metadata.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v4/") {
		s.Metadata().ServeHTTP(w, r)
		return
	}
	c, err := identify(r)
	if err != nil {
		status, body := err.json()
		answer(w, jsonContent, status, body)
		return
	}
	fault := s.count(c.operation)
	if !wait(r.Context(), fault.Delay) || fault.Refuse {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Date", s.clock().UTC().Format(http.TimeFormat))
	status, body := s.perform(r, c, fault)
	lost := fault.Lose || fault.Truncate
	s.record(Exchange{Service: c.name, Operation: c.operation, Request: c.body, Status: status, Response: body, Lost: lost})
	if fault.Lose {
		panic(http.ErrAbortHandler)
	}
	if fault.Truncate {
		truncate(w, c.contentType, status, body)
	}
	answer(w, c.contentType, status, body)
}

// perform is the service's own work: who asks, how often, and what.
func (s *Server) perform(r *http.Request, c call, fault Fault) (status int, body []byte) {
	err := s.admit(r, &c, fault)
	if err == nil {
		do, known := c.operations[c.operation]
		if !known {
			err = newError("UnknownOperationException", "the operation %s is not known here", c.operation)
		} else if body, err = do(s, c); err == nil {
			return http.StatusOK, body
		}
	}
	return c.writeError(asError(err))
}

// admit checks what AWS checks before it looks at the request.
func (s *Server) admit(r *http.Request, c *call, fault Fault) error {
	key, err := s.checkSignature(r, c.name)
	if err != nil {
		return err
	}
	if c.caller, err = s.caller(key); err != nil {
		return err
	}
	if fault.Error != nil {
		return fault.Error
	}
	if !s.config.Unthrottled {
		return s.throttle(c.name, c.operation)
	}
	return nil
}

// checkSignature wants the request signed for the service and the region, and returns the access key ID; it has no
// secret to verify the rest with.
func (s *Server) checkSignature(r *http.Request, service string) (accessKeyID string, err error) {
	_, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		return "", &Error{Status: http.StatusForbidden, Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	}
	scope, _, _ = strings.Cut(scope, ",")
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) != 5 || parts[4] != "aws4_request" || parts[3] != service || parts[2] != s.config.Region {
		return "", &Error{Status: http.StatusForbidden, Code: "InvalidSignatureException",
			Message: "Credential should be scoped to a valid region, and to service: '" + service + "'. (This is " + s.config.Region + ".)"}
	}
	return parts[0], s.checkDate(r)
}

// signatureLife is how old a signed request may be, or how far ahead (IAM user guide: "Troubleshoot AWS Signature Version 4").
const signatureLife = 5 * time.Minute

func (s *Server) checkDate(r *http.Request) error {
	const format = "20060102T150405Z"
	signed, err := time.Parse(format, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return &Error{Status: http.StatusForbidden, Code: "IncompleteSignatureException", Message: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."}
	}
	age, now := s.clock().Sub(signed), s.clock().UTC().Format(format)
	switch {
	case age > signatureLife:
		return &Error{Status: http.StatusForbidden, Code: "InvalidSignatureException", Message: "Signature expired: " + signed.Format(format) + " is now earlier than " + now + " - 5 min."}
	case age < -signatureLife:
		return &Error{Status: http.StatusForbidden, Code: "InvalidSignatureException", Message: "Signature not yet current: " + signed.Format(format) + " is still later than " + now + " + 5 min."}
	}
	return nil
}

// clock is AWS's.
func (s *Server) clock() time.Time { return now().Add(s.config.ClockAhead) }

// identify finds out which service and operation a request is for.
func identify(r *http.Request) (call, *Error) {
	body, err := readAll(r)
	if err != nil {
		return call{}, newError("RequestTimeout", "reading the request: %v", err)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return call{}, &Error{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "POST to / only"}
	}
	if prefix, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		if service := targets[prefix]; service != nil && r.Header.Get("Content-Type") == jsonContent {
			return call{service: service, operation: name, body: body}, nil
		}
		return call{}, newError("UnknownOperationException", "no service has the target %s as %q", prefix, r.Header.Get("Content-Type"))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return call{}, newError("MalformedQueryString", "%v", err)
	}
	if service := versions[form.Get("Version")]; service != nil {
		return call{service: service, operation: form.Get("Action"), body: body}, nil
	}
	return call{}, newError("UnknownOperationException", "neither a target nor a known version of the Query protocol")
}

func (s *Server) record(e Exchange) {
	if s.config.Record == nil {
		return
	}
	s.recording.Lock()
	defer s.recording.Unlock()
	s.config.Record(e)
}

func answer(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", requestID())
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away has lost its answer, as it would at AWS
}

// asError is what the client is told: a handler that errs otherwise has a fault of its own.
func asError(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Code: "ServerException", Message: err.Error()}
}

// jsonOperation makes an operation of the AWS JSON protocol out of a method on the SDK's structures.
// The method runs with mu held.
func jsonOperation[In, Out any](do func(*Server, *In) (*Out, error)) operation {
	return jsonOperationOf(decode, do)
}

func jsonOperationOf[In, Out any](decode func([]byte, any) error, do func(*Server, *In) (*Out, error)) operation {
	return func(s *Server, c call) ([]byte, error) {
		in := new(In)
		if err := decode(c.body, in); err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.forget()
		if s.iam != nil {
			if err := s.authorize(c.caller, s.accesses(c, in)...); err != nil {
				return nil, err
			}
		}
		s.calling = c.caller
		out, err := do(s, in)
		s.announce()
		if err != nil {
			return nil, err
		}
		return encode(out), nil
	}
}

// wait lets d pass and reports whether ctx lasted so long.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

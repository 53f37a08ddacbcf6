package fargatesim

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// ec2Operations is what this EC2 can do: it describes the network.
var ec2Operations = map[string]operation{
	"DescribeVpcs":              ec2Operation((*Server).describeVPCs),
	"DescribeSubnets":           ec2Operation((*Server).describeSubnets),
	"DescribeSecurityGroups":    ec2Operation((*Server).describeSecurityGroups),
	"DescribeNetworkInterfaces": ec2Operation((*Server).describeNetworkInterfaces),
}

// ec2Operation authorizes the caller: describing has no resources.
func ec2Operation(do func(*Server, []byte) ([]byte, error)) operation {
	return func(s *Server, c call) ([]byte, error) {
		s.mu.Lock()
		err := s.authorize(c.caller, access{action: "ec2:" + c.operation, resource: "*"})
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return do(s, c.body)
	}
}

// ec2Query is a Describe request: IDs and filters.
type ec2Query struct {
	ids     []string
	filters map[string][]string
}

// parseEC2 reads a request whose IDs are the parameters idName.1, idName.2, ...
func parseEC2(body []byte, idName string) (ec2Query, error) {
	if err := onlyKnown(body, idName+".*", "Filter.*.Name", "Filter.*.Value.*", "MaxResults"); err != nil {
		return ec2Query{}, err
	}
	form, _ := url.ParseQuery(string(body)) // onlyKnown has read it
	q := ec2Query{filters: map[string][]string{}}
	for name, values := range form {
		switch {
		case matchesAny(name, []string{idName + ".*"}):
			q.ids = append(q.ids, values...)
		case matchesAny(name, []string{"Filter.*.Value.*"}):
			key := form.Get(strings.Join(strings.Split(name, ".")[:2], ".") + ".Name")
			q.filters[key] = append(q.filters[key], values...)
		}
	}
	slices.Sort(q.ids)
	return q, nil
}

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

// notFound is EC2's error for an ID that does not exist: notFound("InvalidSubnetID", "subnet", id).
func notFound(code, kind, id string) error {
	return newError(code+".NotFound", "The %s ID '%s' does not exist", kind, id)
}

// selects reports whether an item of that ID with those attributes is asked for.
func (q ec2Query) selects(id string, attributes map[string]string) (bool, error) {
	if len(q.ids) > 0 && !slices.Contains(q.ids, id) {
		return false, nil
	}
	for name, values := range q.filters {
		value, known := attributes[name]
		if !known {
			return false, newError("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		if !slices.ContainsFunc(values, func(p string) bool { ok, _ := path.Match(p, value); return ok }) {
			return false, nil
		}
	}
	return true, nil
}

// unknownID returns the first ID of the query that nothing has.
func (q ec2Query) unknownID(exists func(id string) bool) (string, bool) {
	i := slices.IndexFunc(q.ids, func(id string) bool { return !exists(id) })
	if i < 0 {
		return "", false
	}
	return q.ids[i], true
}

// listing is how one Describe operation shows its items.
type listing[T any] struct {
	operation  string
	set        string                                   // the name of the list
	attributes func(T) (id string, a map[string]string) // what filters see
	write      func(T) any
}

// answer is the response to a query over all the items there are.
func (l listing[T]) answer(q ec2Query, items []T) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>%s</requestId><%s>`, l.operation, requestID(), l.set)
	for _, item := range items {
		selected, err := q.selects(l.attributes(item))
		if err != nil {
			return nil, err
		}
		if selected {
			text, err := xml.Marshal(l.write(item))
			if err != nil {
				return nil, err
			}
			b.Write(text)
		}
	}
	fmt.Fprintf(&b, `</%s></%sResponse>`, l.set, l.operation)
	return []byte(b.String()), nil
}

type ec2Error struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

var ec2Codes = map[string]Error{
	"ThrottlingException":   {Code: "RequestLimitExceeded", Status: http.StatusServiceUnavailable},
	"AccessDeniedException": {Code: "UnauthorizedOperation", Status: http.StatusForbidden},
	"ServerException":       {Code: "InternalError", Status: http.StatusInternalServerError},

	"UnrecognizedClientException": {Code: "AuthFailure", Status: http.StatusUnauthorized},
	"ExpiredTokenException":       {Code: "RequestExpired", Status: http.StatusBadRequest},
}

// ec2 is the error as EC2 writes it.
func (e *Error) ec2() (status int, body []byte) {
	e = e.as(ec2Codes)
	text, _ := xml.Marshal(ec2Error{Code: e.Code, Message: e.Message, RequestID: requestID()})
	return e.status(), text
}

package fargatesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// policy is a policy document.
type policy []statement

type statement struct {
	Sid                   string
	Effect                string
	Action, NotAction     texts
	Resource, NotResource texts
	Principal             map[string]texts            // of trust policies
	Condition             map[string]map[string]texts // operator, key, values
	tests                 []condition                 // Condition, understood
}

// texts is a string or a list of strings.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// statements is one statement or a list of them.
type statements []statement

func (s *statements) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		return strictly(b, (*[]statement)(s))
	}
	*s = make(statements, 1)
	return strictly(b, &(*s)[0])
}

func strictly(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("text after the end of the policy")
	}
	return nil
}

// CheckPolicy is nil for an identity policy that this IAM understands in full.
func CheckPolicy(document string) error {
	_, err := parsePolicy(document)
	return err
}

// parsePolicy reads an identity policy.
func parsePolicy(document string) (policy, error) {
	p, err := parseDocument(document)
	if err != nil {
		return nil, err
	}
	for _, st := range p {
		if st.Principal != nil || (st.Resource == nil) == (st.NotResource == nil) {
			return nil, fmt.Errorf("statement %q: an identity policy has either Resource or NotResource, and no Principal", st.Sid)
		}
	}
	return p, nil
}

// parseTrust reads the trust policy of a role.
func parseTrust(document string) (policy, error) {
	p, err := parseDocument(document)
	if err != nil {
		return nil, err
	}
	for _, st := range p {
		if st.Principal == nil || st.Resource != nil || st.NotResource != nil {
			return nil, fmt.Errorf("statement %q: a trust policy has a Principal, and no Resource", st.Sid)
		}
	}
	return p, nil
}

func parseDocument(document string) (policy, error) {
	var d struct {
		Version   string
		ID        string `json:"Id"`
		Statement statements
	}
	if err := strictly([]byte(document), &d); err != nil {
		return nil, err
	}
	if d.Version != "2012-10-17" {
		return nil, fmt.Errorf("the version of a policy is 2012-10-17, not %q", d.Version)
	}
	if strings.Contains(document, "${") {
		return nil, errors.New("policy variables are not known here")
	}
	if len(d.Statement) == 0 {
		return nil, errors.New("a policy needs a statement")
	}
	for i := range d.Statement {
		if err := d.Statement[i].understand(); err != nil {
			return nil, fmt.Errorf("statement %q: %w", d.Statement[i].Sid, err)
		}
	}
	return policy(d.Statement), nil
}

func (st *statement) understand() error {
	if st.Effect != "Allow" && st.Effect != "Deny" {
		return fmt.Errorf("an effect is Allow or Deny, not %q", st.Effect)
	}
	if (st.Action == nil) == (st.NotAction == nil) {
		return errors.New("it needs either Action or NotAction")
	}
	for _, action := range append(st.Action, st.NotAction...) {
		if action != "*" && !strings.Contains(action, ":") {
			return fmt.Errorf("%q is no action", action)
		}
	}
	for _, resource := range append(st.Resource, st.NotResource...) {
		if resource != "*" && strings.Count(resource, ":") < 5 {
			return fmt.Errorf("%q is no ARN", resource)
		}
	}
	for operator, keys := range st.Condition {
		for key, values := range keys {
			test, err := newCondition(operator, key, values)
			if err != nil {
				return err
			}
			st.tests = append(st.tests, test)
		}
	}
	return nil
}

func mustParse(name string, documents ...string) []policy {
	var policies []policy
	for _, document := range documents {
		p, err := parsePolicy(document)
		if err != nil {
			panic(fmt.Sprintf("fargatesim: policy of %s: %v", name, err))
		}
		policies = append(policies, p)
	}
	return policies
}

func mustParseTrust(name, document string) policy {
	p, err := parseTrust(document)
	if err != nil {
		panic(fmt.Sprintf("fargatesim: trust policy of %s: %v", name, err))
	}
	return p
}

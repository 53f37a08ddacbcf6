package fargatesim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// IAM is who may do what in the account: identity policies, as AWS evaluates them.
//
//	&fargatesim.IAM{
//		Callers: map[string]fargatesim.Caller{"AKIANODE": {Policies: []string{fargatesim.AmazonECSFullAccess}}},
//		Roles:   map[string]fargatesim.Role{"execution": {Policies: []string{fargatesim.AmazonECSTaskExecutionRolePolicy}}},
//	}
//
// New panics at a policy that is not valid, or that has something this evaluation does not know: a policy that was
// half understood would prove nothing.
type IAM struct {
	// Callers by access key ID. Other keys are refused as not valid.
	Callers map[string]Caller
	// Roles by name (that is without a path) are what tasks, and ECS for its volumes, may be given. Other roles cannot be assumed.
	Roles map[string]Role
}

// Caller is somebody with an access key.
type Caller struct {
	ARN      string   // empty: the session of a role called virtual-kubelet on an EC2 instance
	Policies []string // JSON; what none of them allows is denied
}

// Role is a role of the account.
type Role struct {
	Trust    string   // JSON; empty: EcsTasksTrust
	Policies []string // JSON
}

// principal is somebody with policies.
type principal struct {
	arn      string
	policies []policy
	asked    map[string]bool // the actions that were needed so far
}

// accounts is IAM as it is evaluated. The Server's mu guards it.
type accounts struct {
	callers map[string]*principal // by access key ID
	roles   map[string]*principal // by name
	trust   map[string]policy     // by name of the role
}

// newAccounts parses all policies; nil: everything is allowed.
func (s *Server) newAccounts(config *IAM) *accounts {
	if config == nil {
		return nil
	}
	a := &accounts{map[string]*principal{}, map[string]*principal{}, map[string]policy{}}
	for key, c := range config.Callers {
		a.callers[key] = &principal{or(c.ARN, callerARN(s.config.Account)), mustParse(key, c.Policies...), map[string]bool{}}
	}
	for name, r := range config.Roles {
		a.roles[name] = &principal{s.roleARN(name), mustParse(name, r.Policies...), map[string]bool{}}
		a.trust[name] = mustParseTrust(name, or(r.Trust, EcsTasksTrust))
	}
	return a
}

// SetPolicies replaces the policies of a caller (by access key ID) or a role (by name), at once; AWS takes some seconds.
// It panics where New would, and where there is nobody of that name.
func (s *Server) SetPolicies(name string, policies ...string) {
	parsed := mustParse(name, policies...)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.iam.named(name)
	if p == nil {
		panic("fargatesim: IAM knows no caller and no role called " + name)
	}
	p.policies = parsed
}

// ActionsAsked returns the IAM actions that a caller (by access key ID) or a role (by name) has needed so far, whether
// they were allowed or not, sorted: what a least-privilege policy would hold.
func (s *Server) ActionsAsked(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.iam.named(name); p != nil {
		return slices.Sorted(maps.Keys(p.asked))
	}
	return nil
}

func (a *accounts) named(name string) *principal {
	if a == nil {
		return nil
	}
	return or(a.callers[name], a.roles[name])
}

// caller finds out who has the access key.
func (s *Server) caller(accessKeyID string) (*principal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.iam == nil {
		return &principal{arn: callerARN(s.config.Account)}, nil
	}
	if p := s.iam.callers[accessKeyID]; p != nil {
		return p, nil
	}
	return nil, newError("UnrecognizedClientException", "The security token included in the request is invalid.")
}

// authorize refuses a principal what its policies do not allow. The caller holds mu.
func (s *Server) authorize(p *principal, accesses ...access) error {
	if s.iam == nil {
		return nil
	}
	for _, a := range accesses {
		p.asked[a.action] = true
		if verdict := evaluate(p.policies, a.asOf(p.arn, s.config)); verdict != allowed {
			return denied(p.arn, a, verdict)
		}
	}
	return nil
}

// denied words the refusal as AWS does ("Access denied error messages" in the IAM user guide). EC2 names no resource
// for what has none.
func denied(arn string, a access, v verdict) *Error {
	because := "because no identity-based policy allows the " + a.action + " action"
	if v == forbidden {
		because = "with an explicit deny in an identity-based policy"
	}
	on := " on resource: " + or(a.shown, a.resource)
	if strings.HasPrefix(a.action, "ec2:") {
		return &Error{Status: http.StatusForbidden, Code: "UnauthorizedOperation", Message: fmt.Sprintf(
			"You are not authorized to perform this operation. User: %s is not authorized to perform: %s %s", arn, a.action, because)}
	}
	return newError("AccessDeniedException", "User: %s is not authorized to perform: %s%s %s", arn, a.action, on, because)
}

// roleARN is the ARN of a role that a request names by name or ARN.
func (s *Server) roleARN(nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", s.config.Account, nameOrARN)
}

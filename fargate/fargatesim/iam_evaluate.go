package fargatesim

import (
	"fmt"
	"slices"
	"strings"
)

// access is one question to IAM.
type access struct {
	action   string
	resource string              // an ARN, or * for what has none
	shown    string              // what the refusal calls the resource; empty: the resource
	keys     map[string][]string // condition keys in lower case; absent ones are not in the request
}

// asOf adds what each request carries.
func (a access) asOf(arn string, c Config) access {
	keys := map[string][]string{
		"aws:principalarn": {roleOf(arn)}, "aws:principalaccount": {c.Account}, "aws:requestedregion": {c.Region},
	}
	for key, values := range a.keys {
		keys[strings.ToLower(key)] = values
	}
	a.keys = keys
	return a
}

// roleOf is the ARN of the role of a session; other ARNs stay.
func roleOf(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) == 3 && strings.HasSuffix(parts[0], ":assumed-role") {
		return strings.Replace(strings.TrimSuffix(parts[0], "assumed-role"), ":sts:", ":iam:", 1) + "role/" + parts[1]
	}
	return arn
}

type verdict int

const (
	unmentioned verdict = iota // no policy allows it
	allowed
	forbidden // a policy denies it
)

// evaluate is AWS's logic for identity policies: an explicit Deny wins, and what nothing allows is denied.
func evaluate(policies []policy, a access) verdict {
	v := unmentioned
	for _, st := range slices.Concat(policies...) {
		if !st.covers(a) {
			continue
		}
		if st.Effect == "Deny" {
			return forbidden
		}
		v = allowed
	}
	return v
}

func (st statement) covers(a access) bool {
	names := func(patterns texts) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(strings.ToLower(p), strings.ToLower(a.action)) })
	}
	holds := func(patterns texts) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return p == "*" || matchARN(p, a.resource) })
	}
	return (st.Action == nil || names(st.Action)) && (st.NotAction == nil || !names(st.NotAction)) &&
		(st.Resource == nil || holds(st.Resource)) && (st.NotResource == nil || !holds(st.NotResource)) && st.meets(a)
}

// meets reports whether all conditions hold.
func (st statement) meets(a access) bool {
	return !slices.ContainsFunc(st.tests, func(c condition) bool { return !c.holds(a.keys[c.key]) })
}

// wildcard matches text against a pattern in which * is any text and ? any character.
func wildcard(pattern, text string) bool {
	for i, p := range []byte(pattern) {
		switch {
		case p == '*':
			for rest := len(text); rest >= i; rest-- {
				if wildcard(pattern[i+1:], text[rest:]) {
					return true
				}
			}
			return false
		case i >= len(text) || p != '?' && p != text[i]:
			return false
		}
	}
	return len(pattern) == len(text)
}

// matchARN matches each part of an ARN by itself: a wildcard does not reach across a colon (IAM user guide: Resource),
// but for the last part, which may have colons.
func matchARN(pattern, arn string) bool {
	patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	return len(patterns) == len(parts) && slices.EqualFunc(patterns, parts, wildcard)
}

// condition is one key of a Condition.
type condition struct {
	key     string // in lower case
	values  []string
	test    func(pattern, value string) bool
	not     bool // a negated operator: no value may fit, and an absent key is fine
	absent  bool // ...IfExists: an absent key is fine
	all     bool // ForAllValues: each value of the request has to fit
	isThere bool // Null: whether the key is there
}

// operators are the condition operators that this IAM knows, in lower case.
var operators = map[string]func(pattern, value string) bool{
	"stringequals":           func(p, v string) bool { return p == v },
	"stringequalsignorecase": strings.EqualFold,
	"stringlike":             wildcard,
	"arnequals":              matchARN, // is ArnLike (IAM user guide: ARN condition operators)
	"arnlike":                matchARN,
	"bool":                   strings.EqualFold,
	"null":                   nil,
}

// conditionKeys are the keys that a request here can have, in lower case. A key of tags ends with a slash.
var conditionKeys = []string{
	"aws:principalarn", "aws:principalaccount", "aws:requestedregion", "aws:requesttag/", "aws:resourcetag/", "aws:tagkeys",
	"aws:sourceaccount", "aws:sourcearn",
	"ecs:cluster", "ecs:createaction", "ecs:resourcetag/", "ecs:enable-execute-command",
	"iam:passedtoservice",
	"secretsmanager:name", "secretsmanager:secretid", "secretsmanager:resourcetag/", "secretsmanager:forcedeletewithoutrecovery",
	"secretsmanager:recoverywindowindays",
}

func newCondition(operator, key string, values []string) (condition, error) {
	c := condition{key: strings.ToLower(key), values: values}
	if !slices.ContainsFunc(conditionKeys, func(known string) bool {
		return c.key == known || strings.HasSuffix(known, "/") && strings.HasPrefix(c.key, known)
	}) {
		return c, fmt.Errorf("the condition key %s is not known here", key)
	}
	name := strings.ToLower(operator)
	name, c.all = strings.CutPrefix(name, "forallvalues:")
	name = strings.TrimPrefix(name, "foranyvalue:")
	name, c.absent = strings.CutSuffix(name, "ifexists")
	if positive := strings.Replace(name, "not", "", 1); positive != name {
		name, c.not = positive, true
	}
	test, known := operators[name]
	if !known {
		return c, fmt.Errorf("the condition operator %s is not known here", operator)
	}
	if c.test = test; test == nil && (len(values) != 1 || values[0] != "true" && values[0] != "false") {
		return c, fmt.Errorf("%s of %s is true or false", operator, key)
	}
	c.isThere = test == nil && values[0] == "false"
	return c, nil
}

// holds reports whether the values of the key in the request meet the condition; nil: the key is not there.
func (c condition) holds(values []string) bool {
	fits := func(v string) bool {
		return slices.ContainsFunc(c.values, func(p string) bool { return c.test(p, v) })
	}
	switch {
	case c.test == nil:
		return (values != nil) == c.isThere
	case values == nil:
		return c.not || c.absent || c.all
	case c.all:
		return !slices.ContainsFunc(values, func(v string) bool { return fits(v) == c.not })
	case c.not:
		return !slices.ContainsFunc(values, fits)
	}
	return slices.ContainsFunc(values, fits)
}

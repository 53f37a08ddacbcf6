package fargatesim

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// tag is a tag of any service: each has a type of its own for the same thing.
type tag struct{ key, value string }

func ecsTag(t ecstypes.Tag) tag   { return tag{deref(t.Key), deref(t.Value)} }
func secretTag(t smtypes.Tag) tag { return tag{deref(t.Key), deref(t.Value)} }

// plainTags are the tags of a request or resource.
func plainTags[T any](plain func(T) tag, given []T) []tag {
	var tags []tag
	for _, t := range given {
		tags = append(tags, plain(t))
	}
	return tags
}

// logTags are the tags of CloudWatch Logs, which have no order, sorted by key.
func logTags(given map[string]string) []tag {
	var tags []tag
	for _, key := range slices.Sorted(maps.Keys(given)) {
		tags = append(tags, tag{key, given[key]})
	}
	return tags
}

// mergeTags lays later tags over earlier ones.
func mergeTags[T any](plain func(T) tag, lists ...[]T) []T {
	merged := []T{}
	for _, t := range slices.Concat(lists...) {
		i := slices.IndexFunc(merged, func(old T) bool { return plain(old).key == plain(t).key })
		if i < 0 {
			merged = append(merged, clone(t))
		} else {
			merged[i] = clone(t)
		}
	}
	return merged
}

// tagText is the alphabet of keys and values (API reference: Tag).
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

const maxTags = 50 // a resource; API reference: Tag

// isManaged: tags of AWS's own count towards no limit.
func (t tag) isManaged() bool { return strings.HasPrefix(strings.ToLower(t.key), "aws:") }

// checkTags holds the rules of tags: at most 50, keys unique, of 1 to 128 characters, values of at most 256, no aws: prefix.
// badLength makes the error for a key or value whose length the service does not take.
func checkTags(tags []tag, badLength func(format string, args ...any) error) error {
	if len(tags) > maxTags {
		return invalidParameter("The maximum number of tags is %d.", maxTags)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.key == "" || utf8.RuneCountInString(t.key) > 128:
			return badLength("A tag key must have 1 to 128 characters: '%s'", t.key)
		case utf8.RuneCountInString(t.value) > 256:
			return badLength("The value of the tag '%s' has more than 256 characters.", t.key)
		case !tagText.MatchString(t.key) || !tagText.MatchString(t.value):
			return invalidParameter("The tag '%s' has characters that are not letters, spaces, digits or _ . : / = + - @", t.key)
		case t.isManaged():
			return invalidParameter("The tag key '%s' begins with aws:, which is reserved.", t.key)
		case seen[t.key]:
			return invalidParameter("The tag key '%s' is given twice.", t.key)
		}
		seen[t.key] = true
	}
	return nil
}

package fargatesim

import (
	"cmp"
	"encoding/base64"
	"slices"
)

// page cuts one page out of a list that compare sorts. A token holds the last name given, so that names that come
// and go between two pages neither repeat nor hide others.
func page(all []string, compare func(a, b string) int, maxResults *int32, token *string) ([]string, *string, error) {
	limit := 100 // and the default: API reference, List operations
	if maxResults != nil {
		if limit = int(*maxResults); limit < 1 || limit > 100 {
			return nil, nil, invalidParameter("maxResults must be between 1 and 100.")
		}
	}
	slices.SortFunc(all, compare)
	if token != nil {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(last) == 0 {
			return nil, nil, invalidParameter("Invalid token %s", *token)
		}
		all = slices.DeleteFunc(all, func(name string) bool { return compare(name, string(last)) <= 0 })
	}
	if len(all) <= limit {
		return append([]string{}, all...), nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(all[limit-1]))
	return all[:limit], &next, nil
}

func byName(a, b string) int { return cmp.Compare(a, b) }

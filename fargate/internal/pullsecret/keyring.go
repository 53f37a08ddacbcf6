package pullsecret

import (
	"cmp"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

// dockerHub is the host under which entries for docker.io stand.
const dockerHub = "index.docker.io"

// keyring holds entries by what they are for: HOST or HOST/PATH, of which a HOST may have globs. The entries of a key
// are in the order of their Secrets.
type keyring map[string][]*entry

// add takes the entries of one Secret, which come sorted: two spellings of one key give the same order every time.
func (k keyring) add(entries []*entry) {
	for _, e := range entries {
		if key, ok := keyOf(e.location); ok {
			k[key] = append(k[key], e)
		}
	}
}

// keyOf is what an entry is for; false: its location is no URL, and it is for nothing.
func keyOf(location string) (key string, ok bool) {
	if !strings.HasPrefix(location, "https://") && !strings.HasPrefix(location, "http://") {
		location = "https://" + location
	}
	parsed, err := url.Parse(location)
	if err != nil {
		return "", false
	}
	under := parsed.Path
	if strings.HasPrefix(under, "/v2/") || strings.HasPrefix(under, "/v1/") { // as docker login writes them
		under = under[3:]
	}
	if under == "/" {
		under = ""
	}
	return parsed.Host + under, true
}

// lookup finds the credentials for an image; tokens: there are entries for it, but none with a password.
func (k keyring) lookup(image string) (found *entry, tokens bool) {
	name := repository(image)
	for _, key := range slices.SortedFunc(maps.Keys(k), func(a, b string) int { return cmp.Compare(b, a) }) {
		if matches(key, name) {
			if found, tokens = usable(k[key], tokens); found != nil {
				return found, false
			}
		}
	}
	if host, _, _ := strings.Cut(name, "/"); host == "docker.io" {
		return usable(k[dockerHub], tokens)
	}
	return nil, tokens
}

// usable is the first entry with a password. Of a token alone ECS can make nothing.
func usable(entries []*entry, tokens bool) (*entry, bool) {
	for _, e := range entries {
		if e.username.Reveal() != "" && e.password.Reveal() != "" {
			return e, false
		}
		tokens = tokens || e.token
	}
	return nil, tokens
}

// repository is an image's whole name, HOST/PATH without tag and digest, as container runtimes complete it.
func repository(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
		name = name[:at]
	}
	host, rest, found := strings.Cut(name, "/")
	isHost := found && (strings.ContainsAny(host, ".:") || host == "localhost" || strings.ToLower(host) != host)
	switch {
	case !isHost:
		host, rest = "docker.io", name
	case host == dockerHub:
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return host + "/" + rest
}

// matches tells whether a key is for an image of that name.
func matches(key, name string) bool {
	glob, err := url.Parse("https://" + key)
	target, targetErr := url.Parse("https://" + name)
	if err != nil || targetErr != nil || glob.Port() != target.Port() || !strings.HasPrefix(target.Path, glob.Path) {
		return false
	}
	parts, wanted := strings.Split(glob.Hostname(), "."), strings.Split(target.Hostname(), ".")
	if len(parts) != len(wanted) {
		return false
	}
	for i, part := range parts {
		if matched, err := path.Match(part, wanted[i]); err != nil || !matched {
			return false
		}
	}
	return true
}

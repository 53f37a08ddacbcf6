package podenv

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// maxDocument is what Secrets Manager takes in one secret, in bytes; API reference: CreateSecret.
const maxDocument = 65536

// Address names a Document by where its values come from, never by what they are: a hash of a value would
// let anybody who sees it try guesses. It differs with the namespace, with the UID and resourceVersion of
// every Secret involved, with the keys, and with the clear text around them; it is the same for all
// replicas of a template. It has the characters [A-Za-z0-9/._-] and at most 440 of them.
//
//	NAMESPACE/SECRET/UID/RESOURCEVERSION/DIGEST  keys of one Secret; the digest is that of the keys' names (AddressOf)
//	NAMESPACE/expanded/DIGEST                    values expanded from Secrets; that of their expressions
type Address string

// Document is what must lie in Secrets Manager before the pod's task starts.
type Document struct {
	Address Address
	Content Value // a JSON object of strings, at most 64 KiB
}

// SecretVersion is where a Document lies in Secrets Manager: in this version of this secret, whatever others write there
// later.
type SecretVersion struct{ ARN, ID string }

// Stored says where the value of a secret variable is: under Key in the Document at Address.
type Stored struct {
	Address Address
	Key     string // [A-Za-z0-9._-]+
}

// Secrets returns the documents that hold the values of the environment's secret variables, by address.
// It is nil for an environment without such.
func (e Environment) Secrets() []Document { return e.documents }

// secretKey is one key of one version of a Secret.
type secretKey struct {
	name, key       string
	uid             types.UID
	resourceVersion string
	value           Value
}

// shelves collect the values of all containers' secret variables, by shelf and key; each shelf becomes a
// Document. There is one for each version of a Secret, one for what is expanded from Secrets, and one for
// what is expanded for this pod alone, which must not make the others the pod's own.
type shelves map[string]map[string]Value

const (
	shelfExpanded = "expanded"
	shelfOwn      = "expanded for the pod"
)

// put lays a variable's value on its shelf; false: it is no text.
func (s shelves) put(b binding) bool {
	var text strings.Builder
	for _, p := range b.pieces {
		text.WriteString(p.text)
		if p.from != nil {
			text.WriteString(p.from.value.Reveal())
		}
	}
	if !utf8.ValidString(text.String()) {
		return false
	}
	shelf, key := place(b)
	if s[shelf] == nil {
		s[shelf] = map[string]Value{}
	}
	s[shelf][key] = Hide(text.String())
	return true
}

// place is the shelf of a variable and its key there. A variable that is just a key of a Secret shares
// its place with all that are.
func place(b binding) (shelf, key string) {
	if len(b.pieces) == 1 && b.pieces[0].from != nil {
		from := b.pieces[0].from
		return shelfOf(from.name, from.uid, from.resourceVersion), from.key
	}
	if b.PerPod {
		return shelfOwn, expression(b.pieces)
	}
	return shelfExpanded, expression(b.pieces)
}

func shelfOf(name string, uid types.UID, resourceVersion string) string {
	return segment(name, maxName) + "/" + segment(string(uid), maxVersion) + "/" + segment(resourceVersion, maxVersion)
}

// AddressOf is that of a Document with what is taken in some way from one version of a Secret; how says which way, and
// never holds a value.
func AddressOf(namespace string, secret *corev1.Secret, how ...string) Address {
	return Address(segment(namespace, maxNamespace) + "/" + shelfOf(secret.Name, secret.UID, secret.ResourceVersion) + "/" + digest(how...))
}

// expression digests what a value is made of, with names in the place of secret values.
func expression(pieces []piece) string {
	var parts []string
	for _, p := range pieces {
		if p.from == nil {
			parts = append(parts, "text", p.text)
		} else {
			parts = append(parts, "key", p.from.name, string(p.from.uid), p.from.resourceVersion, p.from.key)
		}
	}
	return digest(parts...)
}

// address is that of a shelf.
func (s shelves) address(namespace, shelf string) Address {
	name, _, _ := strings.Cut(shelf, " ")
	return Address(segment(namespace, maxNamespace) + "/" + name + "/" + digest(slices.Sorted(maps.Keys(s[shelf]))...))
}

// document is a shelf's content; false: it is more than a document holds.
func (s shelves) document(namespace, shelf string) (Document, bool) {
	values := map[string]string{}
	for key, value := range s[shelf] {
		values[key] = value.Reveal()
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // which would make it longer
	if err := encoder.Encode(values); err != nil {
		panic(err) // strings alone
	}
	content := bytes.TrimSpace(text.Bytes())
	return Document{Address: s.address(namespace, shelf), Content: Hide(string(content))}, len(content) <= maxDocument
}

// documents are those of all shelves, and the addresses of those that hold too much.
func (s shelves) documents(namespace string) (documents []Document, tooLarge map[Address]bool) {
	tooLarge = map[Address]bool{}
	for shelf := range s {
		if d, fits := s.document(namespace, shelf); fits {
			documents = append(documents, d)
		} else {
			tooLarge[d.Address] = true
		}
	}
	slices.SortFunc(documents, func(a, b Document) int { return cmp.Compare(a.Address, b.Address) })
	return documents, tooLarge
}

// Lengths of what addresses are made of. Kubernetes names are shorter than the limits by its own rules;
// UIDs and resourceVersions are opaque, and in practice 36 characters and a number.
const (
	maxNamespace = 63
	maxName      = 253
	maxVersion   = 40
)

var plain = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Segment is a namespace as the beginning of an Address.
func Segment(namespace string) string { return segment(namespace, maxNamespace) }

// segment is a name, or a digest of it if it does not fit into an address.
func segment(name string, longest int) string {
	if plain.MatchString(name) && len(name) <= longest {
		return name
	}
	return digest(name)
}

// digest hashes its parts so that no two lists of parts collide by concatenation: 32 hex digits.
func digest(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(hash.Sum(nil))[:32]
}

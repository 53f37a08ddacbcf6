package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	strictjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/yaml"
)

// document is one of a file's, with the line where it begins.
type document struct {
	file string
	line int
	text []byte
}

func (d document) where() string { return fmt.Sprintf("%s:%d", d.file, d.line) }

// split cuts a file at its lines "---". Documents of comments alone are left out; a document begins at its first line
// that is neither empty nor a comment.
func split(file File) []document {
	var documents []document
	current := document{file: file.Name}
	end := func() {
		if current.line > 0 {
			documents = append(documents, current)
		}
		current = document{file: file.Name}
	}
	number := 0
	for line := range bytes.Lines(file.Text) {
		number++
		trimmed := bytes.TrimSpace(line)
		if marker, _, _ := strings.Cut(string(line), " "); strings.TrimSpace(marker) == "---" {
			end()
			continue
		}
		if current.line == 0 && (len(trimmed) == 0 || trimmed[0] == '#') {
			continue
		}
		if current.line == 0 {
			current.line = number
		}
		current.text = append(current.text, line...)
	}
	end()
	return documents
}

// located is an object of a document.
type located struct {
	document
	object runtime.Object
	under  string // where in the document it stands: items[2]. of a List; empty: it is the document
}

// wrong is an error about a field of the object.
func (l located) wrong(who string, f fault) error {
	return fmt.Errorf("%s:%d: %s: %s: %s", l.file, l.lineOf(l.under+f.field), who, f.field, f.message)
}

// objects are those of the document: one, or the items of a List. passedOver tells of those that have nothing to do
// with pods.
func (d document) objects(known decoder) (objects []located, passedOver []string, err error) {
	text, err := yaml.YAMLToJSONStrict(d.text)
	if err != nil {
		return nil, nil, d.notYAML(err)
	}
	var list struct {
		metav1.TypeMeta
		Items []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(text, &list) != nil || list.Kind == "" || list.APIVersion == "" {
		return nil, nil, fmt.Errorf("%s: no Kubernetes object; one begins with apiVersion and kind", d.where())
	}
	items, isList := []json.RawMessage{text}, list.Kind == "List"
	if isList {
		items = list.Items
	}
	for i, item := range items {
		under := ""
		if isList {
			under = fmt.Sprintf("items[%d].", i)
		}
		object, foreign, err := d.object(known, under, item)
		switch {
		case err != nil:
			return nil, nil, err
		case foreign != "":
			passedOver = append(passedOver, d.where()+": "+foreign)
		default:
			objects = append(objects, located{d, object, under})
		}
	}
	return objects, passedOver, nil
}

// decoder knows all kinds of the groups that pods, their controllers and storage are of, with all their fields.
type decoder struct {
	kinds *runtime.Scheme
	json  *strictjson.Serializer
}

// newDecoder is called by those who read: a daemon never does, and need not know the kinds.
func newDecoder() decoder {
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, storagev1.AddToScheme} {
		if err := add(kinds); err != nil {
			panic(err) // the types of one module
		}
	}
	return decoder{kinds, strictjson.NewSerializerWithOptions(strictjson.DefaultMetaFactory, kinds, kinds, strictjson.SerializerOptions{Strict: true})}
}

// groups in which a kind that is not known is a mistake: extensions is where Deployments were, long ago.
var groups = []string{corev1.GroupName, appsv1.GroupName, batchv1.GroupName, "extensions"}

// object decodes one object as the API server would, which knows all fields; foreign tells of one that is not read. under
// is where in the document it stands.
func (d document) object(known decoder, under string, text []byte) (object runtime.Object, foreign string, err error) {
	var kind metav1.TypeMeta
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, "", fmt.Errorf("%s: an item of the List is no object", d.where())
	}
	version := schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind)
	if !known.kinds.Recognizes(version) {
		if slices.Contains(groups, version.Group) {
			return nil, "", fmt.Errorf("%s: there is no kind %s in %s; %s", d.where(), kind.Kind, kind.APIVersion, kinds)
		}
		return nil, foreignName(kind.Kind, text), nil
	}
	object, _, err = known.json.Decode(text, nil, nil)
	switch {
	case err == nil:
		if _, hasName := object.(metav1.Object); !hasName {
			return nil, kind.Kind, nil // lists of one kind, and what only the API server makes
		}
		return object, "", nil
	case !runtime.IsStrictDecodingError(err):
		return nil, "", d.mistyped(kind.Kind, under, err)
	}
	message := strings.TrimPrefix(err.Error(), "strict decoding error: ")
	return nil, "", fmt.Errorf("%s: %s: %s; correct or remove it", d.where(), kind.Kind, message)
}

// mistyped is of a value that is not of its field's type, and says in which line it is where that is found.
func (d document) mistyped(kind, under string, err error) error {
	line, found := d.line, typeError.FindStringSubmatch(err.Error())
	if found != nil {
		line = d.lineOfValue(under, found[2], found[1])
	}
	switch {
	case found != nil && found[3] == "string" && (found[1] == "bool" || found[1] == "number"):
		return fmt.Errorf("%s:%d: %s: %s: a text is needed, and YAML takes this for a %s; quote it", d.file, line, kind, found[2], found[1])
	case kind == "Secret", mayBeSecret.Match(d.text):
		return fmt.Errorf("%s:%d: %s: not as Kubernetes takes it (%s)", d.file, line, kind, notQuoted)
	}
	return fmt.Errorf("%s:%d: %s: %w; correct or remove it", d.file, line, kind, err)
}

// typeError is how encoding/json words one: what the value is, its field, and the field's type.
var typeError = regexp.MustCompile(`cannot unmarshal (bool|number|string|array|object)(?: \S+)? into Go struct field \w+\.(\S+) of type (\S+)`)

// foreignName is "Ingress web", or the kind alone of what has no name.
func foreignName(kind string, text []byte) string {
	var object struct {
		Metadata struct{ Name, GenerateName string }
	}
	if json.Unmarshal(text, &object) != nil {
		return kind
	}
	return strings.TrimSpace(kind + " " + cmp.Or(object.Metadata.Name, object.Metadata.GenerateName))
}

// mayBeSecret finds documents that errors must not quote.
var mayBeSecret = regexp.MustCompile(`kind["']?\s*:\s*["']?(Secret|List)\b`)

const notQuoted = "it may hold a Secret and is not quoted here"

var yamlLine = regexp.MustCompile(`line (\d+): `)

// notYAML says in which line of the file the YAML ends.
func (d document) notYAML(err error) error {
	where, message := d.where(), strings.NewReplacer("yaml: ", "", "unmarshal errors:\n  ", "").Replace(err.Error())
	if found := yamlLine.FindStringSubmatch(message); found != nil {
		line, _ := strconv.Atoi(found[1])
		where = fmt.Sprintf("%s:%d", d.file, d.line+line-1)
		message = strings.Replace(message, found[0], "", 1)
	}
	if mayBeSecret.Match(d.text) {
		message = notQuoted
	}
	return fmt.Errorf("%s: not YAML: %s", where, message)
}

// Package pullsecret finds the credentials that a pod's images are pulled with, in the Secrets that
// spec.imagePullSecrets names (the admission plugin ServiceAccount copies the account's there).
//
// It never fetches anything: Names says which Secrets, the caller brings them, Resolve reads them. What was found
// becomes a document for Secrets Manager, {"username": ..., "password": ...}, for which ECS has
// repositoryCredentials. No user name and no password appears anywhere else.
//
// The rule is kubelet's (pkg/credentialprovider/keyring.go): an entry is for an image whose registry it names, port
// included, with globs in each part of the host, and whose path begins with the entry's; of several the one last in
// the alphabet counts, which of two paths of a host is the longer one; of one entry in two Secrets, the Secret named
// first. Entries for docker.io stand under https://index.docker.io/v1/. Two things differ. Where kubelet tries one
// credential after another, ECS takes one. And images of private Amazon ECR registries get none: there the task's
// execution role serves, whose tokens are never old.
package pullsecret

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// ReasonNotFound is kubelet's, for a Secret that does not exist: the pull is tried without it.
const ReasonNotFound = "FailedToRetrieveImagePullSecret"

// ReasonInvalid is of a Secret that cannot be read: the pod waits, as under kubelet, where the pull fails.
const ReasonInvalid = "InvalidImagePullSecret"

// Names are those of the Secrets that the pod names, each once, in its order. Kubernetes lets a name be empty; such
// are passed over.
func Names(pod *corev1.Pod) []string {
	var names []string
	for _, reference := range pod.Spec.ImagePullSecrets {
		if reference.Name != "" && !slices.Contains(names, reference.Name) {
			names = append(names, reference.Name)
		}
	}
	return names
}

// Credentials are those of one pod's images. The zero value has none.
type Credentials struct {
	images    map[string]podenv.Address
	documents []podenv.Document
	tokens    map[string]bool
}

// Of is where the credentials for an image are; false: it is pulled without.
func (c Credentials) Of(image string) (podenv.Address, bool) {
	address, ok := c.images[image]
	return address, ok
}

// TokenOnly tells whether an image is pulled without credentials because all that there is for it is a token, of
// which ECS knows nothing.
func (c Credentials) TokenOnly(image string) bool { return c.tokens[image] }

// Documents are what must lie in Secrets Manager before the pod's task starts, by address, each once.
func (c Credentials) Documents() []podenv.Document { return c.documents }

// Images are those that a pod's task pulls, of its containers and its volumes, each once.
func Images(pod *corev1.Pod) []string {
	var images []string
	add := func(image string) {
		if image != "" && !slices.Contains(images, image) {
			images = append(images, image)
		}
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		add(c.Image)
	}
	for _, v := range pod.Spec.Volumes {
		if v.Image != nil {
			add(v.Image.Reference)
		}
	}
	return images
}

// Resolve finds the credentials of all the pod's images. A Secret that is absent or nil does not exist. A problem
// that is not of the effect podenv.Waits keeps nothing from running.
func Resolve(pod *corev1.Pod, secrets map[string]*corev1.Secret) (Credentials, []podenv.Problem) {
	ring, problems := newKeyring(pod, secrets)
	c := Credentials{images: map[string]podenv.Address{}, tokens: map[string]bool{}}
	documents := map[podenv.Address]podenv.Document{}
	for _, image := range Images(pod) {
		if IsPrivateECR(image) {
			continue
		}
		entry, tokens := ring.lookup(image)
		if c.tokens[image] = entry == nil && tokens; entry == nil {
			continue
		}
		document := entry.document(pod.Namespace)
		c.images[image], documents[document.Address] = document.Address, document
	}
	for _, address := range slices.Sorted(maps.Keys(documents)) {
		c.documents = append(c.documents, documents[address])
	}
	return c, problems
}

// newKeyring reads the Secrets.
func newKeyring(pod *corev1.Pod, secrets map[string]*corev1.Secret) (keyring, []podenv.Problem) {
	var problems []podenv.Problem
	var missing []string
	ring := keyring{}
	for _, name := range Names(pod) {
		secret := secrets[name]
		if secret == nil {
			missing = append(missing, name)
			continue
		}
		entries, err := read(secret)
		if err != nil {
			problems = append(problems, podenv.Problem{Field: field(pod, name), Effect: podenv.Waits, Reason: ReasonInvalid,
				Message: fmt.Sprintf("secret %q is no valid image pull secret: %v", name, err)})
		}
		ring.add(entries)
	}
	if len(missing) > 0 {
		problems = append(problems, podenv.Problem{Field: "spec.imagePullSecrets", Effect: podenv.Noted, Reason: ReasonNotFound, Message: fmt.Sprintf(
			"Unable to retrieve some image pull secrets (%s); attempting to pull the image may not succeed.", strings.Join(missing, ", "))})
	}
	return ring, problems
}

func field(pod *corev1.Pod, name string) string {
	i := slices.IndexFunc(pod.Spec.ImagePullSecrets, func(r corev1.LocalObjectReference) bool { return r.Name == name })
	return fmt.Sprintf("spec.imagePullSecrets[%d]", i)
}

// privateECR are the registries that the execution role has access to; the hosts are kubelet's
// (k8s.io/cloud-provider-aws, cmd/ecr-credential-provider).
var privateECR = regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(-fips)?\.[a-zA-Z0-9][a-zA-Z0-9_-]*\.` +
	`(amazonaws\.com(\.cn)?|on\.(aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

// IsPrivateECR tells whether an image is of a private Amazon ECR registry, which the task's execution role has access to.
func IsPrivateECR(image string) bool {
	host, _, _ := strings.Cut(image, "/")
	return privateECR.MatchString(host)
}

// document is what ECS reads; API reference: RepositoryCredentials, developer guide: "Using non-AWS container images".
func (e *entry) document(namespace string) podenv.Document {
	text, err := json.Marshal(map[string]string{"username": e.username.Reveal(), "password": e.password.Reveal()})
	if err != nil {
		panic(err) // strings alone
	}
	return podenv.Document{Address: e.address(namespace), Content: podenv.Hide(string(text))}
}

// StandIn is a Secret of that name with words in the place of credentials for each of the pod's images.
func StandIn(pod *corev1.Pod, name string) *corev1.Secret {
	auths := map[string]written{}
	for _, image := range Images(pod) {
		host, _, _ := strings.Cut(repository(image), "/")
		if host == "docker.io" {
			host = dockerHub
		}
		auths[host] = written{Username: "USERNAME", Password: "PASSWORD"}
	}
	text, err := json.Marshal(map[string]any{"auths": auths})
	if err != nil {
		panic(err) // strings alone
	}
	secret := &corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: text}}
	secret.Name = name
	return secret
}

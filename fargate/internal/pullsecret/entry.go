package pullsecret

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// entry is what one Secret says about one registry.
type entry struct {
	secret             *corev1.Secret
	location           string // as written
	username, password podenv.Value
	token              bool // it has a token
}

// written is an entry in a file that docker login made.
type written struct {
	Username, Password, Auth     string
	IdentityToken, RegistryToken string
}

// read returns the entries of a Secret, by location. One of another type, or without its key, has none, as for kubelet.
// The error shows nothing of the Secret.
func read(secret *corev1.Secret) ([]*entry, error) {
	var file map[string]written
	var err error
	switch text := secret.Data[corev1.DockerConfigJsonKey]; {
	case secret.Type == corev1.SecretTypeDockerConfigJson && len(text) > 0:
		var whole struct{ Auths map[string]written }
		err = json.Unmarshal(text, &whole)
		file = whole.Auths
	case secret.Type == corev1.SecretTypeDockercfg && len(secret.Data[corev1.DockerConfigKey]) > 0:
		err = json.Unmarshal(secret.Data[corev1.DockerConfigKey], &file)
	}
	if err != nil {
		return nil, errors.New("it is not the JSON that docker login writes")
	}
	var entries []*entry
	for _, location := range slices.Sorted(maps.Keys(file)) {
		username, password, err := file[location].login()
		if err != nil {
			return nil, err
		}
		entries = append(entries, &entry{secret: secret, location: location, username: podenv.Hide(username), password: podenv.Hide(password),
			token: cmp.Or(file[location].IdentityToken, file[location].RegistryToken) != ""})
	}
	return entries, nil
}

// login is the user name and the password of an entry: those in auth, if it has that, before those in clear.
func (w written) login() (username, password string, err error) {
	if w.Auth == "" {
		return w.Username, w.Password, nil
	}
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(strings.TrimSpace(w.Auth), "=") {
		encoding = base64.StdEncoding
	}
	decoded, err := encoding.DecodeString(w.Auth)
	if err != nil {
		return "", "", errors.New("auth of one of its entries is not base64")
	}
	username, password, whole := strings.Cut(string(decoded), ":")
	if !whole {
		return "", "", errors.New("auth of one of its entries is not base64 of username:password")
	}
	return username, password, nil
}

// address names the document by where the credentials come from: what the entry is for is how they are taken.
func (e *entry) address(namespace string) podenv.Address {
	return podenv.AddressOf(namespace, e.secret, "image pull", e.location) // with a blank no key of a Secret has the name
}

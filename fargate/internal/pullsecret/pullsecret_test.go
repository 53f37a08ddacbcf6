package pullsecret_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
)

// secret is an image pull Secret with this content under auths.
func secret(name, auths string) *corev1.Secret {
	s := &corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":` + auths + `}`)}}
	s.Name, s.UID, s.ResourceVersion = name, "uid-of-"+"x", "7"
	return s
}

// user is an entry with this user, whose password is made of it.
func user(name string) string {
	return fmt.Sprintf(`{"username":%q,"password":"planted-%s"}`, name, name)
}

func podWith(secrets []string, images ...string) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Namespace = "shop"
	for _, name := range secrets {
		pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	for _, image := range images {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "c", Image: image})
	}
	return pod
}

// login is the user and the password that an image is pulled with, "" if with none.
func login(t *testing.T, c pullsecret.Credentials, image string) string {
	t.Helper()
	address, ok := c.Of(image)
	if !ok {
		return ""
	}
	for _, d := range c.Documents() {
		if d.Address == address {
			var content map[string]string
			if err := json.Unmarshal([]byte(d.Content.Reveal()), &content); err != nil || len(content) != 2 {
				t.Fatalf("content %s: %v", d.Content.Reveal(), err)
			}
			return content["username"] + ":" + content["password"]
		}
	}
	t.Fatalf("%s is at %s, of which there is no document", image, address)
	return ""
}

func TestChoice(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("a:planted-a:b"))
	for why, row := range map[string]struct{ auths, image, want string }{
		"the registry's host":                            {`{"ghcr.io":` + user("a") + `}`, "ghcr.io/org/app:1", "a:planted-a"},
		"a URL stands for its host":                      {`{"https://ghcr.io":` + user("a") + `}`, "ghcr.io/org/app:1", "a:planted-a"},
		"docker login's paths stand for the host":        {`{"https://ghcr.io/v2/":` + user("a") + `}`, "ghcr.io/org/app", "a:planted-a"},
		"another registry":                               {`{"ghcr.io":` + user("a") + `}`, "quay.io/org/app", ""},
		"the port counts":                                {`{"reg.test:5000":` + user("a") + `}`, "reg.test:5000/app", "a:planted-a"},
		"another port":                                   {`{"reg.test:5000":` + user("a") + `}`, "reg.test:5001/app", ""},
		"no port is another port":                        {`{"reg.test":` + user("a") + `}`, "reg.test:5000/app", ""},
		"a tag is no port":                               {`{"reg.test":` + user("a") + `}`, "reg.test/app:5000", "a:planted-a"},
		"the longest path counts":                        {`{"reg.test":` + user("a") + `,"reg.test/team":` + user("b") + `}`, "reg.test/team/app", "b:planted-b"},
		"a path is a prefix, as kubelet has it":          {`{"reg.test/te":` + user("a") + `}`, "reg.test/team/app", "a:planted-a"},
		"a path that is not the image's":                 {`{"reg.test/other":` + user("a") + `}`, "reg.test/team/app", ""},
		"a glob in the host":                             {`{"*.reg.test":` + user("a") + `}`, "eu.reg.test/app", "a:planted-a"},
		"a glob is for one part":                         {`{"*.test":` + user("a") + `}`, "eu.reg.test/app", ""},
		"a part of a part":                               {`{"eu-*.reg.test":` + user("a") + `}`, "eu-1.reg.test/app", "a:planted-a"},
		"Docker Hub by its old address":                  {`{"https://index.docker.io/v1/":` + user("a") + `}`, "nginx:1.29", "a:planted-a"},
		"Docker Hub written out":                         {`{"https://index.docker.io/v1/":` + user("a") + `}`, "docker.io/org/app", "a:planted-a"},
		"Docker Hub with an organisation":                {`{"https://index.docker.io/v1/":` + user("a") + `}`, "org/app@sha256:00", "a:planted-a"},
		"Docker Hub by its name":                         {`{"docker.io":` + user("a") + `}`, "nginx", "a:planted-a"},
		"an official image is in library":                {`{"docker.io/library":` + user("a") + `}`, "nginx", "a:planted-a"},
		"Docker Hub's credentials stay there":            {`{"https://index.docker.io/v1/":` + user("a") + `}`, "ghcr.io/org/app", ""},
		"a name before the slash is no host":             {`{"org":` + user("a") + `}`, "org/app", ""},
		"localhost is one":                               {`{"localhost":` + user("a") + `}`, "localhost/app", "a:planted-a"},
		"auth wins, and passwords have colons":           {`{"reg.test":{"auth":"` + auth + `","username":"x","password":"planted-x"}}`, "reg.test/app", "a:planted-a:b"},
		"auth without padding":                           {`{"reg.test":{"auth":"` + strings.TrimRight(auth, "=") + `"}}`, "reg.test/app", "a:planted-a:b"},
		"an entry without password gives way":            {`{"reg.test/team":{"username":"x"},"reg.test":` + user("a") + `}`, "reg.test/team/app", "a:planted-a"},
		"private ECR: the execution role does it better": {`{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":` + user("a") + `}`, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1", ""},
		"private ECR in China":                           {`{"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":` + user("a") + `}`, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app", ""},
		"public ECR is a registry like others":           {`{"public.ecr.aws":` + user("a") + `}`, "public.ecr.aws/org/app", "a:planted-a"},
		"a location that is no URL is for nothing":       {`{"reg.test:port":` + user("a") + `}`, "reg.test/app", ""},
	} {
		t.Run(why, func(t *testing.T) {
			got, problems := pullsecret.Resolve(podWith([]string{"s"}, row.image), map[string]*corev1.Secret{"s": secret("s", row.auths)})
			if len(problems) > 0 || login(t, got, row.image) != row.want {
				t.Errorf("%s is pulled with %q, want %q; problems %v", row.image, login(t, got, row.image), row.want, problems)
			}
		})
	}
}

func TestTheFirstSecretCounts(t *testing.T) {
	legacy := &corev1.Secret{Type: corev1.SecretTypeDockercfg, Data: map[string][]byte{corev1.DockerConfigKey: []byte(`{"reg.test":` + user("b") + `}`)}}
	legacy.Name, legacy.UID = "legacy", "uid-of-legacy"
	secrets := map[string]*corev1.Secret{"new": secret("new", `{"reg.test":`+user("a")+`}`), "legacy": legacy,
		"opaque": {Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte("{")}}} // its type is another
	for order, want := range map[string]string{"new legacy": "a:planted-a", "legacy new": "b:planted-b", "opaque legacy": "b:planted-b", "opaque": ""} {
		got, problems := pullsecret.Resolve(podWith(strings.Fields(order), "reg.test/app"), secrets)
		if len(problems) > 0 || login(t, got, "reg.test/app") != want {
			t.Errorf("%s: %q, want %q; problems %v", order, login(t, got, "reg.test/app"), want, problems)
		}
	}
}

// Two images of one registry share a document; another version of the Secret is another one; the address is of the
// Secret and the registry, and not of the password.
func TestAddresses(t *testing.T) {
	addresses := func(password, version string) []podenv.Address {
		s := secret("s", `{"reg.test":{"username":"a","password":"`+password+`"},"ghcr.io":`+user("g")+`}`)
		s.ResourceVersion = version
		got, _ := pullsecret.Resolve(podWith([]string{"s"}, "reg.test/a", "reg.test/b", "ghcr.io/c"), map[string]*corev1.Secret{"s": s})
		var all []podenv.Address
		for _, d := range got.Documents() {
			all = append(all, d.Address)
		}
		return all
	}
	first := addresses("planted", "1")
	if len(first) != 2 || !strings.HasPrefix(string(first[0]), "shop/s/uid-of-x/1/") {
		t.Fatalf("addresses %v", first)
	}
	if diff := cmp.Diff(first, addresses("other", "1")); diff != "" {
		t.Errorf("the password is in the address (-one +other):\n%s", diff)
	}
	if again := addresses("planted", "2"); again[0] == first[0] || again[1] == first[1] {
		t.Errorf("another version has the address %v", again)
	}
}

func TestTokensAlone(t *testing.T) {
	secrets := map[string]*corev1.Secret{"s": secret("s", `{"reg.test":{"identitytoken":"planted"},"ghcr.io":{"registrytoken":"planted"},"quay.io":{}}`)}
	got, problems := pullsecret.Resolve(podWith([]string{"s"}, "reg.test/app", "ghcr.io/app", "quay.io/app"), secrets)
	for image, want := range map[string]bool{"reg.test/app": true, "ghcr.io/app": true, "quay.io/app": false} {
		if _, credentials := got.Of(image); credentials || got.TokenOnly(image) != want {
			t.Errorf("%s: credentials %t, a token alone %t", image, credentials, got.TokenOnly(image))
		}
	}
	if len(problems)+len(got.Documents()) > 0 {
		t.Errorf("problems %v, documents %v", problems, got.Documents())
	}
}

func TestProblems(t *testing.T) {
	secrets := map[string]*corev1.Secret{
		"broken": {Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"planted"`)}},
		"odd":    secret("odd", `{"reg.test":{"auth":"planted!"}}`),
		"half":   secret("half", `{"reg.test":{"auth":"`+base64.StdEncoding.EncodeToString([]byte("planted"))+`"}}`),
	}
	_, problems := pullsecret.Resolve(podWith([]string{"gone", "", "broken", "odd", "half", "lost", "gone"}, "reg.test/app"), secrets)
	want := []podenv.Problem{
		{Field: "spec.imagePullSecrets[2]", Effect: podenv.Waits, Reason: "InvalidImagePullSecret", Message: `secret "broken" is no valid image pull secret: it is not the JSON that docker login writes`},
		{Field: "spec.imagePullSecrets[3]", Effect: podenv.Waits, Reason: "InvalidImagePullSecret", Message: `secret "odd" is no valid image pull secret: auth of one of its entries is not base64`},
		{Field: "spec.imagePullSecrets[4]", Effect: podenv.Waits, Reason: "InvalidImagePullSecret", Message: `secret "half" is no valid image pull secret: auth of one of its entries is not base64 of username:password`},
		{Field: "spec.imagePullSecrets", Effect: podenv.Noted, Reason: "FailedToRetrieveImagePullSecret", Message: "Unable to retrieve some image pull secrets (gone, lost); attempting to pull the image may not succeed."},
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Nothing that is printed shows a value.
func TestNothingIsShown(t *testing.T) {
	got, _ := pullsecret.Resolve(podWith([]string{"s"}, "reg.test/app"), map[string]*corev1.Secret{"s": secret("s", `{"reg.test":`+user("a")+`}`)})
	encoded, err := json.Marshal(got.Documents())
	if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, encoded); err != nil || strings.Contains(text, "planted") {
		t.Errorf("%v: %s", err, text)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add(`{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}`, "nginx")
	f.Add(`{"auths":{"*.reg.test:5000/team":{"username":"a","password":"b"}}}`, "eu.reg.test:5000/team/app:1@sha256:00")
	f.Fuzz(func(t *testing.T, text, image string) {
		s := secret("s", "{}")
		s.Data[corev1.DockerConfigJsonKey] = []byte(text)
		pod := podWith([]string{"s"}, image)
		first, _ := pullsecret.Resolve(pod, map[string]*corev1.Secret{"s": s})
		again, _ := pullsecret.Resolve(pod, map[string]*corev1.Secret{"s": s})
		if login(t, first, image) != login(t, again, image) {
			t.Fatal("two answers")
		}
		if address, ok := first.Of(image); ok && !strings.HasPrefix(string(address), "shop/s/") {
			t.Fatalf("address %q", address)
		}
	})
}

// Explaining without the Secret takes all images to be private.
func TestStandIn(t *testing.T) {
	pod := podWith([]string{"s"}, "nginx", "ghcr.io/org/app")
	got, problems := pullsecret.Resolve(pod, map[string]*corev1.Secret{"s": pullsecret.StandIn(pod, "s")})
	for _, c := range pod.Spec.Containers {
		if login(t, got, c.Image) != "USERNAME:PASSWORD" {
			t.Errorf("%s: %q; problems %v", c.Image, login(t, got, c.Image), problems)
		}
	}
}

package podenv_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// secretSources are sources whose Secrets have versions.
func secretSources() podenv.Sources {
	s := sources()
	for i, name := range []string{"login", "other"} {
		secret := &corev1.Secret{Data: map[string][]byte{"PASSWORD": []byte("hunter2"), "USER": []byte("<root>"), "BINARY": {0xff, 0xfe}}}
		secret.Name, secret.UID, secret.ResourceVersion = name, types.UID(fmt.Sprintf("uid-%d", i)), "4711"
		s.Secrets[name] = secret
	}
	return s
}

// stored is the content of each document, by address without its last part.
func stored(environment podenv.Environment) map[string]string {
	contents := map[string]string{}
	for _, d := range environment.Secrets() {
		address := string(d.Address)
		contents[address[:strings.LastIndex(address, "/")]] = d.Content.Reveal()
	}
	return contents
}

func TestSecrets(t *testing.T) {
	for name, test := range map[string]struct {
		why, container string
		want           map[string]string // content by address without its digest
	}{
		"none": {"most pods have none", `{envFrom: [{configMapRef: {name: plain}}]}`, map[string]string{}},
		"one key": {"keys that nobody needs stay in Kubernetes",
			`{env: [{name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}]}`,
			map[string]string{"shop/login/uid-0/4711": `{"PASSWORD":"hunter2"}`}},
		"several variables of one Secret": {"they share a document, whatever they are called",
			`{env: [{name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}, {name: Q, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}, {name: ALIAS, value: $(P)}, {name: U, valueFrom: {secretKeyRef: {name: login, key: USER}}}]}`,
			map[string]string{"shop/login/uid-0/4711": `{"PASSWORD":"hunter2","USER":"<root>"}`}},
		"two Secrets": {"each has a document, for they change on their own",
			`{env: [{name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}, {name: Q, valueFrom: {secretKeyRef: {name: other, key: USER}}}]}`,
			map[string]string{"shop/login/uid-0/4711": `{"PASSWORD":"hunter2"}`, "shop/other/uid-1/4711": `{"USER":"<root>"}`}},
		"overwritten": {"what no variable has is not needed",
			`{env: [{name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}, {name: P, value: none}]}`, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := podenv.Resolve(pod(t, test.container), secretSources())
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if diff := cmp.Diff(test.want, stored(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// Expanded values that all replicas share are in one document, the pod's own in another.
func TestExpandedSecrets(t *testing.T) {
	environment, problems := podenv.Resolve(pod(t, `{env: [
		{name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}},
		{name: A, value: "a:$(P)"}, {name: B, value: "$(A)$(P)"}, {name: OWN, value: "$(ME):$(P)"}, {name: P, value: overwritten}]}`), secretSources())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	contents := map[podenv.Address]map[string]string{}
	for _, d := range environment.Secrets() {
		values := map[string]string{}
		if err := json.Unmarshal([]byte(d.Content.Reveal()), &values); err != nil {
			t.Fatal(err)
		}
		contents[d.Address] = values
	}
	got := map[string]string{}
	var shared, own podenv.Address
	for _, v := range environment.Containers[0].Variables {
		if v.Secret {
			got[v.Name] = contents[v.Stored.Address][v.Stored.Key]
		}
		switch v.Name {
		case "A":
			shared = v.Stored.Address
		case "OWN":
			own = v.Stored.Address
		}
	}
	want := map[string]string{"A": "a:hunter2", "B": "a:hunter2hunter2", "OWN": "web-0:hunter2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(contents) != 2 || shared == own {
		t.Errorf("documents %v, shared %s, own %s", contents, shared, own)
	}
}

// An address differs with everything that makes the content differ, but for the values, of which it tells
// nothing; and with nothing else.
func TestAddress(t *testing.T) {
	const container = `{envFrom: [{secretRef: {name: login}}, {configMapRef: {name: plain}}], env: [{name: BINARY, value: ""}, {name: URL, value: "$(A):$(PASSWORD)"}]}`
	addresses := func(container string, change func(*corev1.Pod, podenv.Sources)) []podenv.Address {
		p, s := pod(t, container), secretSources()
		change(p, s)
		environment, problems := podenv.Resolve(p, s)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		var list []podenv.Address
		for _, d := range environment.Secrets() {
			list = append(list, d.Address)
		}
		return list
	}
	before := addresses(container, func(*corev1.Pod, podenv.Sources) {})
	if len(before) != 2 {
		t.Fatalf("addresses %v", before)
	}
	for name, test := range map[string]struct {
		why     string
		change  func(*corev1.Pod, podenv.Sources)
		changed int // how many of the two
	}{
		"another value":            {"the resourceVersion tells that, and nothing else may", func(_ *corev1.Pod, s podenv.Sources) { s.Secrets["login"].Data["PASSWORD"] = []byte("guess") }, 0},
		"another replica":          {"replicas share", func(p *corev1.Pod, _ podenv.Sources) { p.Name, p.UID = "web-1", "uid-2" }, 0},
		"another resourceVersion":  {"the Secret was changed", func(_ *corev1.Pod, s podenv.Sources) { s.Secrets["login"].ResourceVersion = "4712" }, 2},
		"deleted and made again":   {"it is another Secret of the same name", func(_ *corev1.Pod, s podenv.Sources) { s.Secrets["login"].UID = "uid-9" }, 2},
		"a key more":               {"a document is never changed", func(_ *corev1.Pod, s podenv.Sources) { s.Secrets["login"].Data["NEW"] = []byte("n") }, 1},
		"another ConfigMap":        {"what stands around the secret is part of the value", func(_ *corev1.Pod, s podenv.Sources) { s.ConfigMaps["plain"].Data["A"] = "other" }, 1},
		"another namespace":        {"nothing is shared between namespaces", func(p *corev1.Pod, _ podenv.Sources) { p.Namespace = "attic" }, 2},
		"another Secret elsewhere": {"it is not this pod's", func(_ *corev1.Pod, s podenv.Sources) { s.Secrets["other"].ResourceVersion = "1" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			changed := 0
			for i, address := range addresses(container, test.change) {
				if address != before[i] {
					changed++
				}
			}
			if changed != test.changed {
				t.Errorf("%d addresses changed, want %d: %s", changed, test.changed, test.why)
			}
		})
	}
}

// Secrets Manager takes 512 characters of [A-Za-z0-9/_+=.@-] in a name, and the provider's prefix comes before.
func TestAddressesFitSecretsManager(t *testing.T) {
	for _, odd := range []string{"", "4711", strings.Repeat("x", 253), "ümläut / *", "a:b"} {
		s := secretSources()
		s.Secrets["login"].UID, s.Secrets["login"].ResourceVersion = types.UID(odd), odd
		long := strings.Repeat("n", 253)
		s.Secrets[long] = s.Secrets["login"]
		p := pod(t, `{env: [{name: P, valueFrom: {secretKeyRef: {name: `+long+`, key: PASSWORD}}}]}`)
		p.Namespace = strings.Repeat("s", 63)
		environment, _ := podenv.Resolve(p, s)
		address := string(environment.Secrets()[0].Address)
		if !regexp.MustCompile(`^[A-Za-z0-9/._-]{1,440}$`).MatchString(address) || strings.Count(address, "/") != 4 {
			t.Errorf("%q: address %q", odd, address)
		}
	}
}

func TestValuesThatCannotBe(t *testing.T) {
	big := strings.Repeat("v", 40000)
	for name, test := range map[string]struct{ why, container, want string }{
		"not text": {"a kubelet's runtime would not take it either",
			`{env: [{name: B, valueFrom: {secretKeyRef: {name: login, key: BINARY}}}, {name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}]}`,
			"InvalidSecretValue spec.containers[0].env[0].valueFrom.secretKeyRef: the value of variable B is not UTF-8 text, which an environment variable must be"},
		"not text, but not used": {"it does not matter", `{env: [{name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}]}`, ""},
		"large":                  {"one value of 40,000 bytes fits", `{env: [{name: P, valueFrom: {secretKeyRef: {name: big, key: A}}}]}`, ""},
		"too large": {"two do not, and one event says so",
			`{envFrom: [{secretRef: {name: big}}]}`,
			"SecretTooLarge spec.containers[0].envFrom[0].secretRef: the values of Secrets that the pod takes from one source exceed the 65,536 bytes that AWS Secrets Manager holds in one secret"},
	} {
		t.Run(name, func(t *testing.T) {
			s := secretSources()
			s.Secrets["big"] = &corev1.Secret{Data: map[string][]byte{"A": []byte(big), "B": []byte(big)}}
			_, problems := podenv.Resolve(pod(t, test.container), s)
			var got []string
			for _, p := range problems {
				if p.Effect != podenv.Waits {
					t.Errorf("effect %d; the Secret may be changed", p.Effect)
				}
				got = append(got, p.Reason+" "+p.Field+": "+p.Message)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// However a value, or a thing that holds one, is printed: it does not show.
func TestValueShowsItselfToNobody(t *testing.T) {
	environment, _ := podenv.Resolve(pod(t, `{envFrom: [{secretRef: {name: login}}], env: [{name: BINARY, value: ""}, {name: URL, value: "u:$(PASSWORD)"}], args: [$(PASSWORD), $(URL)]}`), secretSources())
	value := podenv.Hide("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "value", value, "all", environment)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "value", value, "all", environment, "documents", environment.Secrets())
	shown := []string{log.String(), value.String(), value.GoString()}
	for _, thing := range []any{value, &value, []podenv.Value{value}, map[string]podenv.Value{"v": value}, struct{ inner podenv.Value }{value}, environment, &environment, environment.Secrets()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"} {
			shown = append(shown, fmt.Sprintf(verb, thing))
		}
		encoded, err := json.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, string(encoded))
	}
	text := strings.Join(shown, "\n")
	for _, secret := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), fmt.Sprint([]byte("hunter2"))} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("the value shows: %s", text[max(0, i-200):i+20])
		}
	}
	if value.Reveal() != "hunter2" || (podenv.Value{}).Reveal() != "" {
		t.Error("Reveal does not reveal")
	}
	if !slices.IsSortedFunc(environment.Secrets(), func(a, b podenv.Document) int { return strings.Compare(string(a.Address), string(b.Address)) }) {
		t.Error("documents are not sorted")
	}
}

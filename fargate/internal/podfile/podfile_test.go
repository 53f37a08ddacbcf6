package podfile_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
)

// planted is a value of a Secret that must show up nowhere but in documents.
const planted = "hunter2-and-more"

func aPod(t *testing.T, spec string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", UID: "u-1", Labels: map[string]string{"app": "web", "tier": "front"}}}
	if err := yaml.UnmarshalStrict([]byte(spec), &pod.Spec); err != nil {
		t.Fatal(err)
	}
	if len(pod.Spec.Containers) == 0 {
		pod.Spec.Containers = []corev1.Container{{Name: "c"}}
	}
	pod.Spec.ServiceAccountName = "builder"
	for _, v := range pod.Spec.Volumes {
		at := "/" + v.Name
		if strings.HasPrefix(v.Name, "kube-api-access-") {
			at = "/var/run/secrets/kubernetes.io/serviceaccount"
		}
		pod.Spec.Containers[0].VolumeMounts = append(pod.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: at})
	}
	return pod
}

func sources() podenv.Sources {
	login := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "login", UID: "s-1", ResourceVersion: "7"},
		Data: map[string][]byte{"PASSWORD": []byte(planted), "USER": []byte("root")}}
	return podenv.Sources{
		ConfigMaps: map[string]*corev1.ConfigMap{
			"plain": {Data: map[string]string{"a": "A", "b": "B\n"}, BinaryData: map[string][]byte{"raw": {0, 0xff, 0}}},
		},
		Secrets: map[string]*corev1.Secret{"login": login},
	}
}

func resolve(t *testing.T, spec string) (podfile.Files, []podenv.Problem) {
	t.Helper()
	in := podfile.Input{Pod: aPod(t, spec), Sources: sources(), Account: &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "builder", UID: "a-1"}}}
	files, problems := podfile.Resolve(in)
	if again, _ := podfile.Resolve(in); fmt.Sprintf("%#v", again.Volumes) != fmt.Sprintf("%#v", files.Volumes) {
		t.Errorf("the same pod gives other files")
	}
	if text := fmt.Sprintf("%+v %#v %v", files, files, problems); strings.Contains(text, planted) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(planted))) {
		t.Errorf("the value of a Secret shows: %s", text)
	}
	return files, problems
}

// listing is what is in a volume: PATH MODE UID:GID "CONTENT".
func listing(t *testing.T, files podfile.Files, volume string) []string {
	t.Helper()
	v := files.Of(volume)
	if v == nil {
		return nil
	}
	documents := map[podenv.Address]string{}
	for _, d := range files.Documents() {
		documents[d.Address] = d.Content.Reveal()
		if len(d.Content.Reveal()) > 65536 { // API reference: CreateSecret
			t.Errorf("document %s has %d bytes", d.Address, len(d.Content.Reveal()))
		}
	}
	var lines []string
	for _, a := range v.Archives {
		data := a.Data
		for _, piece := range a.Stored {
			var content map[string]string
			if err := json.Unmarshal([]byte(documents[piece.Address]), &content); err != nil {
				t.Fatalf("document %s: %v", piece.Address, err)
			}
			data += content[piece.Key]
		}
		lines = append(lines, unpacked(t, data)...)
	}
	for _, token := range v.Tokens {
		lines = append(lines, fmt.Sprintf("%s %04o %d:%d token for %q, %d s", token.Path, token.Mode, token.UID, token.GID, token.Audience, token.ExpirationSeconds))
	}
	return lines
}

func unpacked(t *testing.T, data string) []string {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for in := tar.NewReader(zip); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > 100 {
			content = fmt.Appendf(nil, "%d bytes", len(content))
		}
		lines = append(lines, fmt.Sprintf("%s %04o %d:%d %q", header.Name, header.Mode, header.Uid, header.Gid, content))
	}
}

func TestFiles(t *testing.T) {
	for name, row := range map[string]struct {
		why, spec string
		want      []string
	}{
		"a ConfigMap": {"text and binary, with the API server's default mode", "volumes: [{name: v, configMap: {name: plain}}]",
			[]string{`a 0644 0:0 "A"`, `b 0644 0:0 "B\n"`, `raw 0644 0:0 "\x00\xff\x00"`}},
		"items": {"other paths, in directories, with modes of their own",
			"volumes: [{name: v, configMap: {name: plain, defaultMode: 256, items: [{key: b, path: x/y/b.txt}, {key: a, path: x/a, mode: 511}]}}]",
			[]string{`x/ 0755 0:0 ""`, `x/a 0777 0:0 "A"`, `x/y/ 0755 0:0 ""`, `x/y/b.txt 0400 0:0 "B\n"`}},
		"no items": {"an empty list is none, as it comes from the API", "volumes: [{name: v, configMap: {name: plain, items: []}}]",
			[]string{`a 0644 0:0 "A"`, `b 0644 0:0 "B\n"`, `raw 0644 0:0 "\x00\xff\x00"`}},
		"a Secret": {"its content is stored", "volumes: [{name: v, secret: {secretName: login, items: [{key: USER, path: user}]}}]",
			[]string{`user 0644 0:0 "root"`}},
		"fsGroup with a user": {"the user's group is fsGroup, which may read what nobody else may",
			"{securityContext: {runAsUser: 1000, fsGroup: 2000}, volumes: [{name: v, secret: {secretName: login, defaultMode: 256, items: [{key: USER, path: d/user}]}}]}",
			[]string{`d/ 0755 0:2000 ""`, `d/user 0440 0:2000 "root"`}},
		"fsGroup with the image's user": {"who may not be in it: so everybody may",
			"{securityContext: {fsGroup: 2000}, volumes: [{name: v, secret: {secretName: login, defaultMode: 256, items: [{key: USER, path: user}]}}]}",
			[]string{`user 0444 0:2000 "root"`}},
		"fsGroup with another group": {"ECS knows one group a process",
			"{securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000}, volumes: [{name: v, secret: {secretName: login, defaultMode: 256, items: [{key: USER, path: user}]}}]}",
			[]string{`user 0444 0:2000 "root"`}},
		"fsGroup with root": {"who may do everything anyway",
			"{securityContext: {runAsUser: 0, fsGroup: 2000}, volumes: [{name: v, secret: {secretName: login, defaultMode: 256, items: [{key: USER, path: user}]}}]}",
			[]string{`user 0440 0:2000 "root"`}},
		"the downward API": {"as env has it, labels one a line",
			"{containers: [{name: c, resources: {requests: {cpu: 250m}}}], volumes: [{name: v, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: ns, mode: 256, fieldRef: {fieldPath: metadata.namespace}}, {path: cpu, resourceFieldRef: {containerName: c, resource: requests.cpu, divisor: 1m}}]}}]}",
			[]string{`cpu 0644 0:0 "250"`, `ns 0400 0:0 "shop"`, `labels 0644 0:0 "app=\"web\"\ntier=\"front\""`}},
		"projected": {"the later of two sources of one path wins",
			"volumes: [{name: v, projected: {defaultMode: 292, sources: [{configMap: {name: plain, items: [{key: a, path: f}]}}, {configMap: {name: plain, items: [{key: b, path: f}]}}, {secret: {name: login, items: [{key: USER, path: u, mode: 256}]}}]}}]",
			[]string{`f 0444 0:0 "B\n"`, `u 0400 0:0 "root"`}},
		"a token": {"nobody knows who will read it", "volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t, audience: vault, expirationSeconds: 172800}}]}}]",
			[]string{`t 0644 0:0 token for "vault", 172800 s`}},
		"a token with a user": {"for his eyes only", "{securityContext: {runAsUser: 1000}, volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}",
			[]string{`t 0600 1000:0 token for "", 86400 s`}},
		"a token with users and a group": {"of which all may be", "{securityContext: {fsGroup: 2000}, containers: [{name: a, securityContext: {runAsUser: 1}}, {name: b, securityContext: {runAsUser: 2}}], volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}",
			[]string{`t 0640 0:2000 token for "", 86400 s`}},
		"the API server's own volume": {"which nobody asked for", "volumes: [{name: kube-api-access-abcde, projected: {sources: [{serviceAccountToken: {path: token}}]}}]", nil},
		"optional and absent":         {"an empty volume", "volumes: [{name: v, configMap: {name: absent, optional: true}}]", nil},
		"an optional key":             {"is left out", "volumes: [{name: v, configMap: {name: plain, optional: true, items: [{key: absent, path: p}, {key: a, path: a}]}}]", []string{`a 0644 0:0 "A"`}},
	} {
		t.Run(name, func(t *testing.T) {
			files, problems := resolve(t, row.spec)
			for _, p := range problems {
				if p.Blocks() {
					t.Errorf("problem %+v", p)
				}
			}
			if diff := cmp.Diff(row.want, listing(t, files, "v")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.why, diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	const begin = `MountVolume.SetUp failed for volume "v" : `
	for name, row := range map[string]struct {
		spec string
		want podenv.Problem
	}{
		"no ConfigMap": {"volumes: [{name: v, configMap: {name: absent}}]", podenv.Problem{Field: "spec.volumes[0].configMap", Reason: "FailedMount", Message: begin + `configmap "absent" not found`, Effect: podenv.Waits}},
		"no Secret":    {"volumes: [{name: v, secret: {secretName: absent}}]", podenv.Problem{Field: "spec.volumes[0].secret", Reason: "FailedMount", Message: begin + `secret "absent" not found`, Effect: podenv.Waits}},
		"no key of a ConfigMap": {"volumes: [{name: v, configMap: {name: plain, items: [{key: absent, path: p}]}}]",
			podenv.Problem{Field: "spec.volumes[0].configMap", Reason: "FailedMount", Message: begin + "configmap references non-existent config key: absent", Effect: podenv.Waits}},
		"no key of a Secret": {"volumes: [{name: v, projected: {sources: [{secret: {name: login, items: [{key: absent, path: p}]}}]}}]",
			podenv.Problem{Field: "spec.volumes[0].projected.sources[0].secret", Reason: "FailedMount", Message: begin + "references non-existent secret key: absent", Effect: podenv.Waits}},
		"no optional Secret": {"volumes: [{name: v, secret: {secretName: absent, optional: true}}]",
			podenv.Problem{Field: "spec.volumes[0].secret", Reason: "OptionalSecretNotFound", Message: begin + `secret "absent" not found`, Effect: podenv.Noted}},
		"what is not known yet": {"volumes: [{name: v, downwardAPI: {items: [{path: ip, fieldRef: {fieldPath: status.podIP}}]}}]",
			podenv.Problem{Field: "spec.volumes[0].downwardAPI.items[0]", Reason: "UnsupportedPodSpec", Message: "volume v: status.podIP is not known before the task starts", Effect: podenv.Refuses}},
		"no container of that name": {"volumes: [{name: v, downwardAPI: {items: [{path: cpu, resourceFieldRef: {containerName: nobody, resource: limits.cpu}}]}}]",
			podenv.Problem{Field: "spec.volumes[0].downwardAPI.items[0]", Reason: "UnsupportedPodSpec", Message: "volume v: limits.cpu of container nobody is not known before the task starts", Effect: podenv.Refuses}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := resolve(t, row.spec)
			if diff := cmp.Diff([]podenv.Problem{row.want}, problems); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The API server takes any text as a path, and tar and file systems do not. Whoever asks need not have the sources.
func TestPathsThatNoFileCanHave(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, row := range map[string]struct{ spec, field, why string }{
		"a ConfigMap":       {`configMap: {name: plain, items: [{key: a, path: a}, {key: b, path: "x\0y"}]}`, "configMap.items[1].path", `"x\x00y" holds a NUL`},
		"a Secret":          {`secret: {secretName: login, items: [{key: USER, path: "\0"}]}`, "secret.items[0].path", `"\x00" holds a NUL`},
		"the downward API":  {`downwardAPI: {items: [{path: "\0", fieldRef: {fieldPath: metadata.name}}]}`, "downwardAPI.items[0].path", `"\x00" holds a NUL`},
		"a projected one":   {`projected: {sources: [{configMap: {name: plain}}, {secret: {name: login, items: [{key: USER, path: "d\0/u"}]}}]}`, "projected.sources[1].secret.items[0].path", `"d\x00/u" holds a NUL`},
		"a token":           {`projected: {sources: [{serviceAccountToken: {path: "t\0"}}]}`, "projected.sources[0].serviceAccountToken.path", `"t\x00" holds a NUL`},
		"a long name":       {"configMap: {name: plain, items: [{key: a, path: d/" + long + "}]}", "configMap.items[0].path", "a name of 256 bytes in it, and Linux takes 255"},
		"a long path":       {"configMap: {name: plain, items: [{key: a, path: " + strings.Repeat("abc/", 1000) + "a}]}", "configMap.items[0].path", "4001 bytes, and at most 3840 have room"},
		"what is not there": {`configMap: {name: absent, items: [{key: a, path: "\0"}]}`, "configMap.items[0].path", `"\x00" holds a NUL`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := "volumes: [{name: v, " + row.spec + "}]"
			_, problems := resolve(t, spec)
			for from, list := range map[string][]podenv.Problem{"Resolve": problems, "Unsupported": podfile.Unsupported(aPod(t, spec))} {
				if len(list) == 0 || list[0].Field != "spec.volumes[0]."+row.field || list[0].Effect != podenv.Refuses || !strings.Contains(list[0].Message, row.why) {
					t.Errorf("%s: %+v", from, list)
				}
			}
		})
	}
}

// Whatever else the API server does not look at, or has looked at when explain has not, is packed nevertheless.
func TestOddFilesArePacked(t *testing.T) {
	name := strings.Repeat("\xff\n", 120)
	s := sources()
	s.ConfigMaps["odd"] = &corev1.ConfigMap{Data: map[string]string{name: "A"}}
	for what, spec := range map[string]string{
		"an odd name":    "volumes: [{name: v, configMap: {name: odd}}]",
		"a deep path":    "volumes: [{name: v, configMap: {name: plain, items: [{key: a, path: " + strings.Repeat("abc/", 900) + "a}]}}]",
		"negative modes": "volumes: [{name: v, configMap: {name: plain, defaultMode: -1, items: [{key: a, path: a, mode: -2147483648}, {key: b, path: b}]}}]",
		"a great mode":   "volumes: [{name: v, configMap: {name: plain, defaultMode: 2147483647}}]",
		"a great group":  "{securityContext: {fsGroup: 9223372036854775807}, volumes: [{name: v, configMap: {name: plain}}]}",
		"a group of -1":  "{securityContext: {fsGroup: -1}, volumes: [{name: v, configMap: {name: plain}}]}",
		"a great user":   "{securityContext: {runAsUser: 9223372036854775807}, volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}, {configMap: {name: plain}}]}}]}",
		"the least user": "{securityContext: {runAsUser: -9223372036854775808, fsGroup: -9223372036854775808}, volumes: [{name: v, configMap: {name: plain}}]}",
	} {
		files, problems := podfile.Resolve(podfile.Input{Pod: aPod(t, spec), Sources: s, Account: &corev1.ServiceAccount{}})
		if len(problems) > 0 || len(files.Of("v").Archives) != 1 || len(listing(t, files, "v")) == 0 {
			t.Errorf("%s: problems %v, files %v", what, problems, files)
		}
	}
	s.ConfigMaps["odd"].Data["\x00"] = "B"
	_, problems := podfile.Resolve(podfile.Input{Pod: aPod(t, "volumes: [{name: v, configMap: {name: odd}}]"), Sources: s})
	if len(problems) != 1 || problems[0].Effect != podenv.Waits {
		t.Errorf("a key that is no path: %v", problems)
	}
}

func TestNoAccount(t *testing.T) {
	pod := aPod(t, "volumes: [{name: kube-api-access-abcde, projected: {sources: [{serviceAccountToken: {path: token}}]}}]")
	_, problems := podfile.Resolve(podfile.Input{Pod: pod, Sources: sources(), Tokens: true})
	if len(problems) != 1 || problems[0].Effect != podenv.Waits || !strings.HasSuffix(problems[0].Message, `serviceaccount "builder" not found`) {
		t.Errorf("problems %+v", problems)
	}
}

// Addresses tell what is taken from which version of a Secret and how it is laid out, and nothing else.
func TestAddresses(t *testing.T) {
	address := func(spec, version string) podenv.Address {
		s := sources()
		s.Secrets["login"].ResourceVersion = version
		files, _ := podfile.Resolve(podfile.Input{Pod: aPod(t, spec), Sources: s})
		if len(files.Documents()) != 1 {
			t.Fatalf("%d documents", len(files.Documents()))
		}
		return files.Documents()[0].Address
	}
	const base = "volumes: [{name: v, secret: {secretName: login}}]"
	first := address(base, "7")
	if again := address("volumes: [{name: other, secret: {secretName: login}}]", "7"); again != first {
		t.Errorf("two pods that mount a Secret alike do not share it: %s, %s", first, again)
	}
	for what, other := range map[string]podenv.Address{
		"another version": address(base, "8"),
		"another mode":    address("volumes: [{name: v, secret: {secretName: login, defaultMode: 256}}]", "7"),
		"another group":   address("{securityContext: {fsGroup: 1}, volumes: [{name: v, secret: {secretName: login}}]}", "7"),
		"fewer keys":      address("volumes: [{name: v, secret: {secretName: login, items: [{key: USER, path: USER}]}}]", "7"),
		"another path":    address("volumes: [{name: v, secret: {secretName: login, items: [{key: USER, path: PASSWORD}, {key: PASSWORD, path: USER}]}}]", "7"),
	} {
		if other == first {
			t.Errorf("%s has the same address %s", what, other)
		}
	}
}

// What does not fit is stored in pieces, and comes together again.
func TestLargeFiles(t *testing.T) {
	noise := make([]byte, 300<<10)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	s := sources()
	s.ConfigMaps["large"] = &corev1.ConfigMap{BinaryData: map[string][]byte{"noise": noise}}
	s.Secrets["large"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "large", UID: "s-2"}, Data: map[string][]byte{"noise": noise}}
	files, problems := podfile.Resolve(podfile.Input{Sources: s, Pod: aPod(t,
		"volumes: [{name: v, configMap: {name: large}}, {name: w, secret: {secretName: large}}]")})
	if len(problems) > 0 || len(files.Documents()) < 12 {
		t.Fatalf("%d documents, problems %v", len(files.Documents()), problems)
	}
	for _, volume := range []string{"v", "w"} {
		if diff := cmp.Diff([]string{`noise 0644 0:0 "307200 bytes"`}, listing(t, files, volume)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// What the API server adds is told by its shape. What an author has made like it, but for a letter, is his own.
func TestTokenVolumes(t *testing.T) {
	const at = "/var/run/secrets/kubernetes.io/serviceaccount"
	for name, row := range map[string]struct {
		volume, source string
		mounts         []string
		want           bool
	}{
		"the API server's":              {"kube-api-access-x7k2q", "serviceAccountToken: {path: token, expirationSeconds: 3607}", []string{at}, true},
		"the same, in no container yet": {"kube-api-access-x7k2q", "serviceAccountToken: {path: token}", nil, true},
		"an author's name":              {"kube-api-access-mine", "serviceAccountToken: {path: token}", []string{at}, false},
		"a longer one":                  {"kube-api-access-vault1", "serviceAccountToken: {path: token}", []string{at}, false},
		"with another dash":             {"kube-api-access-a-b-c", "serviceAccountToken: {path: token}", []string{at}, false},
		"mounted elsewhere":             {"kube-api-access-x7k2q", "serviceAccountToken: {path: token}", []string{"/vault"}, false},
		"mounted elsewhere too":         {"kube-api-access-x7k2q", "serviceAccountToken: {path: token}", []string{at, "/vault"}, false},
		"for somebody else":             {"kube-api-access-x7k2q", "serviceAccountToken: {path: token, audience: vault}", []string{at}, false},
		"by another name":               {"kube-api-access-x7k2q", "serviceAccountToken: {path: jwt}", []string{at}, false},
		"without a token":               {"kube-api-access-x7k2q", "configMap: {name: c}", []string{at}, false},
	} {
		pod := aPod(t, "volumes: [{name: "+row.volume+", projected: {sources: [{"+row.source+"}]}}]")
		pod.Spec.Containers[0].VolumeMounts = nil
		for _, to := range row.mounts {
			pod.Spec.Containers[0].VolumeMounts = append(pod.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: row.volume, MountPath: to})
		}
		if got := podfile.IsTokenVolume(pod, &pod.Spec.Volumes[0]); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Pieces of two packings are never put together: one with more pieces shares none with another, though it is of the same
// version of the Secret, and each says whose work it is. A piece that is all can stay where it was.
func TestPiecesOfAnotherPacking(t *testing.T) {
	stored := func(length int) []podenv.Address {
		noise := make([]byte, length)
		random := rand.NewChaCha8([32]byte{1})
		_, _ = random.Read(noise)
		s := sources()
		s.Secrets["login"].Data = map[string][]byte{"noise": noise}
		files, _ := podfile.Resolve(podfile.Input{Sources: s, Pod: aPod(t, "volumes: [{name: v, secret: {secretName: login}}]")})
		var list []podenv.Address
		for _, piece := range files.Volumes[0].Archives[0].Stored {
			list = append(list, piece.Address)
		}
		return list
	}
	one, two, three := stored(40_000), stored(80_000), stored(120_000)
	if len(one) != 1 || len(two) != 2 || len(three) != 3 {
		t.Fatalf("pieces %v, %v, %v", one, two, three)
	}
	seen := map[podenv.Address]bool{}
	for _, address := range slices.Concat(one, two, three) {
		if seen[address] {
			t.Errorf("%s is a piece of two packings", address)
		}
		seen[address] = true
		suffix, _ := strings.CutPrefix(string(address), string(one[0]))
		if own := strings.HasSuffix(suffix, "-"+podfile.Packer()); own != (address != one[0]) {
			t.Errorf("piece %s of the packer %s", address, podfile.Packer())
		}
		if !regexp.MustCompile(`^[A-Za-z0-9/._-]{1,440}$`).MatchString(string(address)) { // as podenv.Address says
			t.Errorf("address %s", address)
		}
	}
}

func TestReferences(t *testing.T) {
	pod := aPod(t, `volumes: [{name: a, configMap: {name: one}}, {name: b, secret: {secretName: two}}, {name: c, projected: {sources: [{configMap: {name: one}}, {secret: {name: three}}]}}, {name: kube-api-access-xxxxx, projected: {sources: [{serviceAccountToken: {path: token}}, {configMap: {name: kube-root-ca.crt}}]}}]`)
	reference := func(kind podenv.Kind, name string) podenv.Reference {
		return podenv.Reference{Kind: kind, Namespace: "shop", Name: name}
	}
	want := []podenv.Reference{reference(podenv.ConfigMap, "one"), reference(podenv.Secret, "three"), reference(podenv.Secret, "two")}
	if diff := cmp.Diff(want, podfile.References(pod, false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := podfile.References(pod, true); len(got) != 4 {
		t.Errorf("with tokens: %v", got)
	}
}

// What no container mounts need not exist, and is nobody's business.
func TestVolumesThatNobodyMounts(t *testing.T) {
	pod := aPod(t, `volumes: [{name: v, configMap: {name: absent}}, {name: w, secret: {secretName: login}}]`)
	pod.Spec.Containers[0].VolumeMounts = nil
	files, problems := podfile.Resolve(podfile.Input{Pod: pod, Sources: sources()})
	if len(problems)+len(files.Volumes)+len(files.Documents())+len(podfile.References(pod, true)) > 0 {
		t.Errorf("problems %v, volumes %v, references %v", problems, files.Volumes, podfile.References(pod, true))
	}
}

// Pods that ask for a longer life do not get what others have left.
func TestTokensOfDifferentLives(t *testing.T) {
	addresses := map[podenv.Address]bool{}
	for _, seconds := range []int{600, 86400, 1209600} {
		files, _ := resolve(t, fmt.Sprintf("volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: %d}}]}}]", seconds))
		addresses[files.Volumes[0].Tokens[0].Stored.Address] = true
	}
	if len(addresses) != 2 { // a day is the least that is asked for
		t.Errorf("addresses %v", addresses)
	}
}

// All archives of a pod share the room that a definition has.
func TestSeveralArchivesTogether(t *testing.T) {
	s := sources()
	var volumes []string
	for i := range 5 {
		noise := make([]byte, 6<<10)
		random := rand.NewChaCha8([32]byte{byte(i)})
		_, _ = random.Read(noise)
		name := fmt.Sprintf("c%d", i)
		s.ConfigMaps[name] = &corev1.ConfigMap{BinaryData: map[string][]byte{"noise": noise}}
		volumes = append(volumes, fmt.Sprintf("{name: %s, configMap: {name: %s}}", name, name))
	}
	files, _ := podfile.Resolve(podfile.Input{Sources: s, Pod: aPod(t, "volumes: ["+strings.Join(volumes, ", ")+"]")})
	inline := 0
	for _, v := range files.Volumes {
		inline += len(v.Archives[0].Data)
	}
	if inline == 0 || inline > 16<<10 || len(files.Documents()) == 0 {
		t.Errorf("%d bytes in the definition, %d documents", inline, len(files.Documents()))
	}
}

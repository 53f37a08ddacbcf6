package taskdef_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// A container can lay a file for certain only as root. The user of an image, of which nobody knows, is trusted with it
// where nothing else is left.
func TestHowSingleFilesAreLaid(t *testing.T) {
	const copied, inDirectory = "copied", "in a directory"
	for name, row := range map[string]struct{ why, container, want string }{
		"root":                              {"who may write", "securityContext: {runAsUser: 0}, command: [c]", copied},
		"root's command is the image's":     {"nothing can come before it", "securityContext: {runAsUser: 0}", inDirectory},
		"root in a read-only file system":   {"who may not write there", "securityContext: {runAsUser: 0, readOnlyRootFilesystem: true}, command: [c]", inDirectory},
		"the image's user":                  {"who may be root or not", "command: [c]", inDirectory},
		"the image's, who must not be root": {"", "securityContext: {runAsNonRoot: true}, command: [c]", inDirectory},
		"another user":                      {"who may not write there", "securityContext: {runAsUser: 101}, command: [c]", inDirectory},
		"the image's, in an emptyDir":       {"which everybody may write to, and no copy of the image's can be", "command: [c], volumeMounts: [{name: data, mountPath: /etc/app}, {name: config, mountPath: /etc/app/conf, subPath: a}]", copied},
		"the image's, in the root":          {"which no volume can be", "command: [c], volumeMounts: [{name: config, mountPath: /conf, subPath: a}]", copied},
		"another user, in the root":         {"", "securityContext: {runAsUser: 101}, command: [c], volumeMounts: [{name: config, mountPath: /conf, subPath: a}]", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			container := row.container
			if !strings.Contains(container, "volumeMounts") {
				container += ", volumeMounts: [{name: config, mountPath: /etc/app/conf, subPath: a}]"
			}
			got, err := singleFile(t, "containers: [{name: c, image: i, "+container+"}]")
			if err == nil {
				launched(t, got)
			}
			if how := howLaid(got, err); how != row.want {
				t.Errorf("%s: %s, want %s: %v", row.why, how, row.want, err)
			}
		})
	}
}

// A directory takes a container to fill it. Where there is no place for that one, the file is copied if it may be.
func TestSingleFilesWithoutAPlaceForMore(t *testing.T) {
	for n, want := range map[int]string{8: "in a directory", 9: "copied"} { // beside vk-files
		var containers []string
		for i := range n {
			containers = append(containers, fmt.Sprintf("{name: c%d, image: i}", i))
		}
		containers[0] = "{name: c, image: i, command: [c], volumeMounts: [{name: config, mountPath: /etc/app/conf, subPath: a}]}"
		got, err := singleFile(t, "containers: ["+strings.Join(containers, ", ")+"]")
		if how := howLaid(got, err); how != want {
			t.Errorf("%d containers: %s, want %s: %v", n, how, want, err)
		}
	}
}

func singleFile(t *testing.T, spec string) (taskdef.Translation, error) {
	t.Helper()
	pod := barePod()
	decodeStrict(t, "{"+spec+", volumes: [{name: config, configMap: {name: plain}}, {name: data, emptyDir: {}}]}", &pod.Spec)
	sources := nodeSources()
	sources.ConfigMaps = map[string]*corev1.ConfigMap{"plain": {Data: map[string]string{"a": "A"}}}
	in, _ := resolved(pod, sources)
	return taskdef.Translate(in)
}

// howLaid tells from what becomes of it how the file of container c is laid.
func howLaid(got taskdef.Translation, err error) string {
	if err != nil {
		return "refused"
	}
	how := "nowhere"
	for _, d := range got.Definition.ContainerDefinitions {
		switch {
		case *d.Name == "vk-dirs-c":
			how = "in a directory"
		case *d.Name == "c" && slices.ContainsFunc(d.Command, func(word string) bool { return strings.Contains(word, " cp -p -f ") }):
			how = "copied"
		}
	}
	return how
}

// What the user of an image cannot write is said in a sentence with a way out.
func TestWhatTheImagesUserCannotWrite(t *testing.T) {
	for what, row := range map[string]struct{ spec, path string }{
		"a file":       {"containers: [{name: c, image: i, command: [echo, started], volumeMounts: [{name: config, mountPath: /DATA, subPath: a}]}]", "/DATA"},
		"a host alias": {"hostAliases: [{ip: 10.0.0.1, hostnames: [db]}], containers: [{name: c, image: i, command: [echo, started], volumeMounts: [{name: config, mountPath: /WORK}]}]", "/etc/hosts"},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := singleFile(t, row.spec)
			if err != nil {
				t.Fatal(err)
			}
			m := newMachine(t)
			m.fill(got)
			c := definitionOf(t, got, "c")
			m.mount(c)
			said, code := m.try(c, m.asNobody())
			if want := m.here(row.path) + " cannot be written by user 65534, who is not root; set securityContext.runAsUser: 0\n"; !strings.HasSuffix(said, want) || code != 128 {
				t.Errorf("exit code %d, said %q, want %q", code, said, want)
			}
		})
	}
}

// What one replica mounts and another does not is no reason for a definition of its own, as long as an override can say it;
// and where one is needed, that is told.
func TestReplicasWithFilesOfTheirOwn(t *testing.T) {
	for name, row := range map[string]struct {
		container, volume string
		shared            bool
	}{
		"a file that is copied":        {"securityContext: {runAsUser: 0}, command: [run, a],", "configMap: {name: c}", true},
		"a file in a directory":        {"", "configMap: {name: c}", false},
		"a directory of an emptyDir":   {"", "emptyDir: {}", true},
		"a directory of files":         {"", "configMap: {name: c, items: [{key: web-0.conf, path: web-0.conf/a}, {key: web-1.conf, path: web-1.conf/a}]}", false},
		"a directory of a file system": {"", "csi: {driver: efs.csi.aws.com, volumeAttributes: {volumeHandle: fs-0a0a0a0a}}", false},
		"a directory of an image":      {"", "image: {reference: files}", false},
	} {
		t.Run(name, func(t *testing.T) {
			var got []taskdef.Translation
			for i, name := range []string{"web-0", "web-1"} {
				pod := barePod()
				pod.Name, pod.UID = name, replica(i).UID
				decodeStrict(t, `{containers: [{name: c, image: i, `+row.container+` env: [{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}], volumeMounts: [{name: v, mountPath: /etc/app/app.conf, subPathExpr: $(POD_NAME).conf}]}],
					volumes: [{name: v, `+row.volume+`}]}`, &pod.Spec)
				pod.OwnerReferences = replica(0).OwnerReferences
				sources := nodeSources()
				sources.ConfigMaps = map[string]*corev1.ConfigMap{"c": {Data: map[string]string{"web-0.conf": "A", "web-1.conf": "B"}}}
				in, _ := resolved(pod, sources)
				translation, err := taskdef.Translate(in)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, translation)
			}
			if same := got[0].Digest == got[1].Digest; same != row.shared || got[0].Private == row.shared {
				t.Errorf("one definition: %t, private: %t; want one: %t", same, got[0].Private, row.shared)
			}
			told := slices.ContainsFunc(got[0].Findings, func(f taskdef.Finding) bool {
				return f.Field == "spec.containers[0].volumeMounts[0].subPathExpr" && strings.Contains(f.Message, "a task definition of its own")
			})
			if told == row.shared {
				t.Errorf("findings %v", got[0].Findings)
			}
			if run := string(taskdef.WireJSON(got[1].Run)); len(row.container) > 0 && !strings.Contains(run, "/web-1.conf") {
				t.Errorf("the override does not copy the pod's own file: %s", run)
			}
			launched(t, got...)
		})
	}
}

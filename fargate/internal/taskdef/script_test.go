package taskdef_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// machine is a directory in which the scripts of a translation run as if it were the root of a container.
type machine struct {
	*testing.T
	root, busybox string
}

func newMachine(t *testing.T) machine {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox on this machine (Debian: package busybox-static)")
	}
	m := machine{t, t.TempDir(), busybox}
	for _, dir := range []string{"vk", ".vk/tools", "etc", "bin"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(busybox, filepath.Join(m.root, ".vk/tools/busybox")); err != nil {
		t.Fatal(err)
	}
	return m
}

// here is a text with the container's paths as those of the machine. Changes of owners are left out: they are root's.
func (m machine) here(text string) string {
	text = strings.ReplaceAll(text, " /* /.[!.]*;", " "+m.root+"/* "+m.root+"/.[!.]*;")
	text = regexp.MustCompile(`/(\.vk|vk|etc|proc|sys|dev|DATA|WORK)\b`).ReplaceAllString(text, m.root+"/$1")
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if before, after, found := strings.Cut(line, "chown "); found && os.Getuid() != 0 {
			_, rest, _ := strings.Cut(after, ";")
			line = before + rest
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// start runs the command of a container and returns what it says.
func (m machine) start(d ecstypes.ContainerDefinition, environment ...string) string {
	m.Helper()
	command := m.command(d, environment...)
	text, err := command.CombinedOutput()
	if err != nil {
		m.Fatalf("%v: %s\n%s", err, text, strings.Join(command.Args, "\n"))
	}
	return string(text)
}

// command is that of a container, as the definition has it.
func (m machine) command(d ecstypes.ContainerDefinition, environment ...string) *exec.Cmd {
	var words []string
	for _, word := range append(slices.Clone(d.EntryPoint), d.Command...) {
		words = append(words, m.here(word))
	}
	if words[0] == "sh" {
		words = append([]string{m.busybox}, words...)
	}
	command := exec.Command(words[0], words[1:]...)
	command.Env = append(environment, "PATH="+m.root+"/bin:/usr/bin:/bin")
	for _, v := range d.Environment {
		command.Env = append(command.Env, *v.Name+"="+*v.Value)
	}
	return command
}

func definitionOf(t *testing.T, got taskdef.Translation, name string) ecstypes.ContainerDefinition {
	t.Helper()
	for _, d := range got.Definition.ContainerDefinitions {
		if *d.Name == name {
			return d
		}
	}
	t.Fatalf("no container %s", name)
	return ecstypes.ContainerDefinition{}
}

func translateSpec(t *testing.T, spec string, configMaps map[string]*corev1.ConfigMap) taskdef.Translation {
	t.Helper()
	pod := barePod()
	decodeStrict(t, spec, &pod.Spec)
	sources := nodeSources()
	sources.ConfigMaps = configMaps
	in, _ := resolved(pod, sources)
	got, err := taskdef.Translate(in)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A command gets what its author wrote, the address in its place, and nothing of the shell before it.
func TestStartScript(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"DockerId":"d","Networks":[{"NetworkMode":"awsvpc","IPv4Addresses":["10.0.1.7"],"SubnetGatewayIpv4Address":"10.0.1.1/24"}]}`))
	}))
	defer metadata.Close()
	m := newMachine(t)
	const show = "#!/bin/sh\nfor a; do printf '<%s>\\n' \"$a\"; done\nexec env -0\n"
	if err := os.WriteFile(filepath.Join(m.root, "bin/show"), []byte(show), 0o755); err != nil {
		t.Fatal(err)
	}
	got := translateSpec(t, `{containers: [{name: c, image: i, command: [show], args: ["$(IP):80", "it's", "", "a  b", "$(URL)"], env: [
		{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: URL, value: "http://$(IP)/&\\1\n"},
		{name: 'n', value: "5"}, {name: b, value: mine}, {name: ip, value: other}, {name: http_proxy, value: "http://127.0.0.1:1"}]}]}`, nil)
	said := m.start(definitionOf(t, got, "c"), "ECS_CONTAINER_METADATA_URI_V4="+metadata.URL)
	environment, found := strings.CutPrefix(said, "<10.0.1.7:80>\n<it's>\n<>\n<a  b>\n<http://10.0.1.7/&\\1\n>\n")
	if !found {
		t.Fatalf("said %q", said)
	}
	variables := map[string]string{}
	for _, v := range strings.Split(environment, "\x00") {
		name, value, _ := strings.Cut(v, "=")
		variables[name] = value
	}
	for name, want := range map[string]string{"IP": "10.0.1.7", "URL": "http://10.0.1.7/&\\1\n", "n": "5", "b": "mine", "ip": "other", "http_proxy": "http://127.0.0.1:1"} {
		if variables[name] != want {
			t.Errorf("%s is %q, want %q", name, variables[name], want)
		}
	}
	for name := range variables {
		if strings.HasPrefix(name, "vk_") {
			t.Errorf("%s is the shell's own", name)
		}
	}
}

// Files are where and as they should be, whatever their names, and a directory that is linked is the volume's own.
func TestFilesScript(t *testing.T) {
	m := newMachine(t)
	got := translateSpec(t, `{containers: [{name: c, image: i, command: [sh, -c, "cat \"/DATA/it's/file\"; echo seen > /DATA/linked-dir/f; cat /WORK/web/f"],
			volumeMounts: [{name: config, mountPath: /DATA/it's, subPath: "dir/it's"}, {name: work, mountPath: /WORK}, {name: work, mountPath: /DATA/linked-dir, subPath: web}]}],
		volumes: [{name: config, configMap: {name: c, items: [{key: a, path: "dir/it's/file", mode: 256}, {key: b, path: other}]}}, {name: work, emptyDir: {}}]}`,
		map[string]*corev1.ConfigMap{"c": {Data: map[string]string{"a": "content\n", "b": "B"}}})
	files := definitionOf(t, got, "vk-files")
	for _, p := range files.MountPoints { // ECS makes the mount points
		if err := os.MkdirAll(m.here(*p.ContainerPath), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.start(files)
	var found []string
	err := filepath.Walk(filepath.Join(m.root, "vk/volumes"), func(path string, info os.FileInfo, err error) error {
		if err == nil && path != filepath.Join(m.root, "vk/volumes") && !strings.Contains(path, "vk_tools") {
			found = append(found, strings.TrimPrefix(path, m.root+"/vk/volumes/")+" "+info.Mode().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"config_1 drwxrwxrwx", "config_1/file -r--------", "work drwxrwxrwx"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, p := range definitionOf(t, got, "c").MountPoints { // as ECS mounts the same volumes into the container
		if *p.SourceVolume == "vk_tools" {
			continue
		}
		at := m.here(*p.ContainerPath)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(m.root, "vk/volumes", *p.SourceVolume), at); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	if said := m.start(definitionOf(t, got, "c")); said != "content\nseen\n" {
		t.Errorf("said %q", said)
	}
}

// An image's files are in its volume, whole or in part, as they are in the image, and nothing else is.
func TestImageScript(t *testing.T) {
	m := newMachine(t)
	for _, file := range []string{"proc/1", "sys/1", "dev/null", "DATA/it's/a b", "DATA/.hidden", ".profile", "bin/run"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(m.root, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(m.root, file), []byte(file), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("DATA/nowhere", filepath.Join(m.root, "link")); err != nil {
		t.Fatal(err)
	}
	got := translateSpec(t, `{containers: [{name: c, image: i, volumeMounts: [{name: whole, mountPath: /a}, {name: whole, mountPath: /b, subPath: "DATA/it's"}, {name: gone, mountPath: /c, subPath: DATA/gone}]}],
		volumes: [{name: whole, image: {reference: files}}, {name: gone, image: {reference: files}}]}`, nil)
	filling := definitionOf(t, got, "vk-image-whole")
	for _, p := range filling.MountPoints {
		if err := os.MkdirAll(m.here(*p.ContainerPath), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.start(filling)
	var found []string
	at := filepath.Join(m.root, ".vk/volumes")
	err := filepath.Walk(at, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			found = append(found, strings.TrimPrefix(path, at+"/")+" "+info.Mode().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"whole/.profile -rwxr-x---", "whole/DATA/.hidden -rwxr-x---", "whole/DATA/it's/a b -rwxr-x---", "whole/bin/run -rwxr-x---", "whole/link Lrwxrwxrwx", "whole_1/a b -rwxr-x---"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	missing := definitionOf(t, got, "vk-image-gone")
	command := exec.Command(m.busybox, "sh", "-c", m.here(missing.Command[2]))
	if said, err := command.CombinedOutput(); err == nil || !strings.Contains(string(said), "the image has no directory") {
		t.Errorf("%v: %s", err, said)
	}
}

// A directory around single files is as the image has it, with the files in it, and a place for each mount below.
func TestDirsScript(t *testing.T) {
	m := newMachine(t)
	write := func(file string, mode os.FileMode) {
		t.Helper()
		at := filepath.Join(m.root, file)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("the image's\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/it's/own", 0o600)
	write("etc/it's/.hidden", 0o644)
	write("etc/it's/replaced", 0o777)
	if err := os.Symlink("nowhere", filepath.Join(m.root, "etc/it's/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(m.root, "etc/it's"), 0o750); err != nil {
		t.Fatal(err)
	}
	got := translateSpec(t, `{containers: [{name: c, image: i, securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [
			{name: config, mountPath: "/etc/it's/replaced", subPath: "it's"}, {name: config, mountPath: "/etc/it's/link", subPath: dir/b},
			{name: config, mountPath: /DATA/new/file, subPath: dir/b}, {name: work, mountPath: "/etc/it's/a/b/"}]}],
		volumes: [{name: config, configMap: {name: c, items: [{key: a, path: "it's", mode: 256}, {key: b, path: dir/b}]}}, {name: work, emptyDir: {}}]}`,
		map[string]*corev1.ConfigMap{"c": {Data: map[string]string{"a": "A", "b": "B"}}})
	for _, p := range definitionOf(t, got, "vk-dirs-c").MountPoints {
		if err := os.MkdirAll(m.here(*p.ContainerPath), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	volume := filepath.Join(m.root, ".vk/volumes")
	write(".vk/volumes/config/it's", 0o400)
	write(".vk/volumes/config/dir/b", 0o644)
	m.start(definitionOf(t, got, "vk-dirs-c"))
	var found []string
	for _, dir := range []string{"c_dir_1", "c_dir_2"} {
		err := filepath.Walk(filepath.Join(volume, dir), func(path string, info os.FileInfo, err error) error {
			if err == nil {
				found = append(found, strings.TrimPrefix(path, volume+"/")+" "+info.Mode().String())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"c_dir_1 drwxr-x---", "c_dir_1/.hidden -rw-r--r--", "c_dir_1/a drwxr-xr-x", "c_dir_1/a/b dtrwxrwxrwx", "c_dir_1/link -rw-r--r--",
		"c_dir_1/own -rw-------", "c_dir_1/replaced -r--------", "c_dir_2 drwxr-xr-x", "c_dir_2/file -rw-r--r--"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mounted := map[string]bool{}
	for _, p := range definitionOf(t, got, "c").MountPoints {
		mounted[*p.ContainerPath] = p.ReadOnly != nil && *p.ReadOnly
	}
	if diff := cmp.Diff(map[string]bool{"/etc/it's": true, "/DATA/new": true, "/etc/it's/a/b": false}, mounted); diff != "" {
		t.Errorf("read-only mounts (-want +got):\n%s", diff)
	}
}

// A single file that neither the container can lay nor the directory around it can bring is refused, with both reasons.
func TestSingleFilesThatCannotBe(t *testing.T) {
	for at, why := range map[string]string{
		"/file":            "it lies in the root directory",
		"/etc/resolv.conf": "ECS mounts a file of its own there",
		"/dev/shm/file":    "it lies in /dev",
		"/data/sub/file":   "volume data is mounted above it",
		"/data//file":      "volume data is mounted above it",
	} {
		pod := barePod()
		decodeStrict(t, `{containers: [{name: c, image: i, volumeMounts: [{name: config, mountPath: `+at+`, subPath: a}, {name: data, mountPath: /data/}]}],
			volumes: [{name: config, configMap: {name: plain}}, {name: data, emptyDir: {}}]}`, &pod.Spec)
		sources := nodeSources()
		sources.ConfigMaps = map[string]*corev1.ConfigMap{"plain": {Data: map[string]string{"a": "A"}}}
		in, _ := resolved(pod, sources)
		_, err := taskdef.Translate(in)
		if err == nil || !strings.Contains(err.Error(), "the container does not name its command, and "+why) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

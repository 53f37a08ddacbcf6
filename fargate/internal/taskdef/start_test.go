package taskdef_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// fill runs the container that fills volumes.
func (m machine) fill(got taskdef.Translation) {
	m.Helper()
	files := definitionOf(m.T, got, "vk-files")
	for _, p := range files.MountPoints { // ECS makes the mount points
		m.make(*p.ContainerPath)
	}
	m.start(files)
}

func (m machine) make(dir string) {
	m.Helper()
	if err := os.MkdirAll(m.here(dir), 0o755); err != nil {
		m.Fatal(err)
	}
}

// mount has a container see the volumes, as ECS mounts the same ones into several.
func (m machine) mount(d ecstypes.ContainerDefinition) {
	m.Helper()
	for _, p := range d.MountPoints {
		if *p.SourceVolume == "vk_tools" {
			continue
		}
		at := m.here(*p.ContainerPath)
		m.make(filepath.Dir(*p.ContainerPath))
		if err := os.Symlink(filepath.Join(m.root, "vk/volumes", *p.SourceVolume), at); err != nil && !os.IsExist(err) {
			m.Fatal(err)
		}
	}
}

// try starts a container in its working directory and returns what it says and its exit code.
func (m machine) try(d ecstypes.ContainerDefinition, change ...func(*exec.Cmd)) (said string, exitCode int) {
	m.Helper()
	command := m.command(d)
	if d.WorkingDirectory != nil {
		command.Dir = m.here(*d.WorkingDirectory)
	}
	for _, c := range change {
		c(command)
	}
	text, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		m.Fatal(err)
	}
	return string(text), command.ProcessState.ExitCode()
}

// What is linked is made where it is not there, as open as the volume, and is else left as it is.
func TestLinksToWhatIsThere(t *testing.T) {
	for name, row := range map[string]struct{ init, main, want string }{
		"a file that an init container wrote": {"echo hello > /WORK/d/at; chmod 600 /WORK/d/at", "cat /DATA/d/at; stat -L -c %a /DATA/d/at", "hello\n600\n"},
		"a directory that must be private":    {"mkdir -m 700 /WORK/d/at", "stat -L -c %a /DATA/d/at", "700\n"},
		"nothing":                             {"rmdir /WORK/d", "stat -L -c %a /DATA/d/at; stat -c %a /WORK/d", "777\n777\n"},
		"nothing, in a group's volume":        {"rmdir /WORK/d; chmod g+s /WORK", "stat -L -c %a /DATA/d/at; stat -c %a /WORK/d", "2777\n2777\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			got := translateSpec(t, `{initContainers: [{name: init, image: i, command: [sh, -c, "mkdir /WORK/d; `+row.init+`"], volumeMounts: [{name: work, mountPath: /WORK}]}],
				containers: [{name: c, image: i, securityContext: {runAsUser: 0}, command: [sh, -c, "`+row.main+`"], volumeMounts: [{name: work, mountPath: /DATA/d/at, subPath: d/at}, {name: work, mountPath: /WORK}]}],
				volumes: [{name: work, emptyDir: {}}]}`, nil)
			m.fill(got)
			m.mount(definitionOf(t, got, "init"))
			m.start(definitionOf(t, got, "init"))
			c := definitionOf(t, got, "c")
			m.mount(c)
			for range 2 { // the image's own directory may be there, and a link of before
				m.make("/DATA/d")
				if said, code := m.try(c); said != row.want || code != 0 {
					t.Errorf("exit code %d, said %q, want %q", code, said, row.want)
				}
			}
		})
	}
}

// A working directory in what is linked is in the volume.
func TestLinksAtTheWorkingDirectory(t *testing.T) {
	for _, dir := range []string{"/DATA/w", "/DATA/w/below"} {
		m := newMachine(t)
		got := translateSpec(t, `{containers: [{name: c, image: i, securityContext: {runAsUser: 0}, workingDir: `+dir+`, command: [/bin/sh, -c, "echo seen > f; find /WORK/w -type f; env"],
			volumeMounts: [{name: work, mountPath: /WORK}, {name: work, mountPath: /DATA/w, subPath: w}]}], volumes: [{name: work, emptyDir: {}}]}`, nil)
		m.fill(got)
		c := definitionOf(t, got, "c")
		m.mount(c)
		m.make(dir) // as the runtime does
		said, code := m.try(c)
		found, environment, _ := strings.Cut(said, "\n")
		if want := m.here(strings.Replace(dir, "/DATA", "/WORK", 1) + "/f"); found != want || code != 0 {
			t.Errorf("%s: exit code %d, %q, want %q", dir, code, said, want)
		}
		if strings.Contains(environment, "OLDPWD") {
			t.Errorf("the command has the shell's variables: %q", environment)
		}
	}
}

// What cannot be replaced, and by whom, is said in a sentence with a way out.
func TestLinksThatCannotBe(t *testing.T) {
	got := translateSpec(t, `{containers: [{name: c, image: i, command: [/bin/sh, -c, "echo started"],
		volumeMounts: [{name: work, mountPath: /WORK}, {name: work, mountPath: /DATA/w, subPath: w}]}], volumes: [{name: work, emptyDir: {}}]}`, nil)
	c := definitionOf(t, got, "c")

	t.Run("a mount point", func(t *testing.T) {
		m := newMachine(t)
		m.fill(got)
		m.mount(c)
		m.busy()
		said, code := m.try(c)
		if want := "vk-start: " + m.here("/DATA/w") + " cannot be replaced; where the image declares a VOLUME there, mount the volume at another path\n"; !strings.HasSuffix(said, want) || code != 128 {
			t.Errorf("exit code %d, said %q, want %q", code, said, want)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		m := newMachine(t)
		m.fill(got)
		m.mount(c)
		m.make("/DATA")
		said, code := m.try(c, m.asNobody())
		if want := m.here("/DATA/w") + " cannot be written by user 65534, who is not root; set securityContext.runAsUser: 0\n"; !strings.HasSuffix(said, want) || code != 128 {
			t.Errorf("exit code %d, said %q, want %q", code, said, want)
		}
	})
}

// busy makes a machine on which nothing can be removed, as a mount point cannot.
func (m machine) busy() {
	m.Helper()
	tool := filepath.Join(m.root, ".vk/tools/busybox")
	if err := os.Remove(tool); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(tool, []byte("#!/bin/sh\n[ \"$1\" = rm ] && { echo 'rm: Device or resource busy' >&2; exit 1; }\nexec "+m.busybox+" \"$@\"\n"), 0o755); err != nil {
		m.Fatal(err)
	}
}

// asNobody starts a container as a user to whom nothing belongs.
func (m machine) asNobody() func(*exec.Cmd) {
	m.Helper()
	if os.Getuid() != 0 {
		m.Skip("only root can start something as another user")
	}
	for at := m.root; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			m.Fatal(err)
		}
	}
	return func(command *exec.Cmd) {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// A name that the shell does not hand on as it came is refused, and every other arrives.
func TestNamesOnTheWayThroughTheShell(t *testing.T) {
	m := newMachine(t)
	names := []string{"PWD", "OLDPWD", "SHLVL", "IFS", "OPTIND", "OPTARG", "PPID", "PS1", "PS2", "PS4", "RANDOM", "EPOCHSECONDS", "EPOCHREALTIME", "LINENO", "FUNCNAME",
		"MAIL", "MAILPATH", "MAILCHECK", "TERM", "HISTFILE", "HISTSIZE", "HISTFILESIZE", "HOME", "CDPATH", "ENV", "UID", "USER", "FPATH", "LANG", "LC_ALL", "TMOUT", "_"}
	for _, name := range names {
		pod := barePod()
		decodeStrict(t, `{containers: [{name: c, image: i, securityContext: {runAsUser: 0}, command: [env], env: [{name: `+name+`, value: mine}], volumeMounts: [{name: work, mountPath: /WORK}, {name: work, mountPath: /DATA/w, subPath: w}]}],
			volumes: [{name: work, emptyDir: {}}]}`, &pod.Spec)
		got, err := translate(pod)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "spec.containers[0].env[0].name: ") || !slices.Contains([]string{"PWD", "OLDPWD", "SHLVL", "IFS", "OPTIND", "PPID"}, name) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		m.fill(got)
		m.mount(definitionOf(t, got, "c"))
		if said, code := m.try(definitionOf(t, got, "c")); code != 0 || !strings.Contains("\n"+said, "\n"+name+"=mine\n") {
			t.Errorf("%s does not arrive: exit code %d, %q", name, code, said)
		}
	}
}

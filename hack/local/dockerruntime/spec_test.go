package dockerruntime_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestAContainerRunsAsItsSpecSays(t *testing.T) {
	script := func(lines string) fargatesim.ContainerSpec {
		return fargatesim.ContainerSpec{Image: shell, EntryPoint: []string{"sh", "-c"}, Command: []string{lines}}
	}
	with := func(spec fargatesim.ContainerSpec, change func(*fargatesim.ContainerSpec)) fargatesim.ContainerSpec {
		change(&spec)
		return spec
	}
	type result struct {
		Exit           fargatesim.Exit
		Stdout, Stderr string
	}
	cases := map[string]struct {
		because string
		spec    fargatesim.ContainerSpec
		want    result
	}{
		"output and exit code are its own": {
			because: "a Job's failure is its exit code, its logs are what it wrote",
			spec:    script("echo out; echo err >&2; exit 3"),
			want:    result{fargatesim.Exit{Code: 3}, "out\n", "err\n"},
		},
		"a command replaces the image's": {
			because: "args without command keep the ENTRYPOINT; busybox has none",
			spec:    fargatesim.ContainerSpec{Image: shell, Command: []string{"echo", "hello"}},
			want:    result{Stdout: "hello\n"},
		},
		"an entry point drops the image's command": {
			because: "ECS and Docker agree here: entryPoint alone runs without arguments",
			spec:    fargatesim.ContainerSpec{Image: shell, EntryPoint: []string{"echo"}},
			want:    result{Stdout: "\n"},
		},
		"environment, directory and user": {
			because: "they are of the container, not of the image",
			spec: with(script("echo $A $(pwd) $(id -u):$(id -g)"), func(c *fargatesim.ContainerSpec) {
				c.Environment, c.WorkingDirectory, c.User = map[string]string{"A": "x=y"}, "/tmp", "65534:100"
			}),
			want: result{Stdout: "x=y /tmp 65534:100\n"},
		},
		"more memory than its limit": {
			because: "reason OOMKilled is told apart from exit 137",
			spec:    with(script("exec tail /dev/zero"), func(c *fargatesim.ContainerSpec) { c.MemoryMiB = 16 }),
			want:    result{Exit: fargatesim.Exit{Code: 137, OOMKilled: true}},
		},
		"more memory than the task has": {
			because: "a container without a limit has the task's",
			spec:    script("exec tail /dev/zero"),
			want:    result{Exit: fargatesim.Exit{Code: 137, OOMKilled: true}},
		},
		"a root that is read-only, and a file system in memory": {
			because: "readOnlyRootFilesystem with an emptyDir of medium Memory is common",
			spec: with(script("touch /x 2>/dev/null || echo refused; touch /mem/x && echo written; df -m /mem | awk 'END{print $2}'"),
				func(c *fargatesim.ContainerSpec) {
					c.ReadOnlyRoot, c.Tmpfs = true, []fargatesim.Tmpfs{{Path: "/mem", SizeMiB: 8}}
				}),
			want: result{Stdout: "refused\nwritten\n8\n"},
		},
		"limits of its processes and capabilities": {
			because: "both are written in task definitions",
			spec: with(script("ulimit -n; grep CapBnd /proc/self/status"), func(c *fargatesim.ContainerSpec) {
				c.Ulimits = []fargatesim.Ulimit{{Name: "nofile", Soft: 1000, Hard: 2000}}
				c.CapabilitiesDrop = []string{"ALL"}
			}),
			want: result{Stdout: "1000\nCapBnd:\t0000000000000000\n"},
		},
		"a terminal has one output": {
			because: "tty: true in a pod",
			spec:    with(script("echo err >&2"), func(c *fargatesim.ContainerSpec) { c.TTY = true }),
			want:    result{Stdout: "err\r\n"},
		},
	}
	sandbox := task(t, 10)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.spec.Name = strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name)
			container, written := start(t, sandbox, c.spec)
			exit, err := container.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := result{exit, written.stdout.String(), written.stderr.String()}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", c.because, diff)
			}
		})
	}
}

package dockerruntime_test

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/dockerruntime"
	"github.com/virtual-kubelet/aws-fargate/hack/local/image"
)

// declaring is an image that declares /declared as a VOLUME of user 65534, and has a file there and in /plain.
const declaring = "fargate-local/volume-test:1"

// docker is another client of the engine, for what a Runtime does not show.
func docker(t *testing.T) *client.Client {
	t.Helper()
	if absent != nil {
		t.Skipf("SKIPPED, nothing was tested: %v", absent)
	}
	found, err := dockerruntime.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = found.Close() })
	return found
}

func makeDeclaring(t *testing.T, engine *client.Client) {
	t.Helper()
	busybox, _ := image.Busybox()
	for _, recipe := range image.Recipes("", busybox) {
		if recipe.Name != shell {
			continue
		}
		recipe.Name, recipe.Changes = declaring, append(recipe.Changes, `VOLUME ["/declared"]`)
		tree := recipe.Files
		recipe.Files = func() ([]image.File, error) {
			files, err := tree()
			return append(files, image.File{Path: "declared/", Mode: 0o770}, image.File{Path: "declared/file", Content: []byte("of the image\n"), Mode: 0o644},
				image.File{Path: "plain/", Mode: 0o777}, image.File{Path: "plain/file", Content: []byte("of the image\n"), Mode: 0o644}), err
		}
		if _, err := image.Ensure(t.Context(), engine, []image.Recipe{recipe}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAVolumeBeginsAsOnFargate(t *testing.T) {
	makeDeclaring(t, docker(t))
	const look = `stat -c '%a %u:%g' /v; ls /v`
	cases := map[string]struct {
		because, image, path string
		want                 string
	}{
		"nothing is there in the image": {
			because: "bind mounts are root's, 0755: a pod of another user needs help", image: shell, path: "/v", want: "755 0:0\n"},
		"the image has a directory there": {
			because: "only a VOLUME is copied, whatever the engine does by itself", image: declaring, path: "/plain", want: "755 0:0\n"},
		"the image declares a VOLUME there": {
			because: "it is how an image says whose the volume is", image: declaring, path: "/declared", want: "770 0:0\nfile\n"},
		"the image declares a VOLUME elsewhere": {
			because: "the path has to be the same", image: declaring, path: "/declared/below", want: "755 0:0\n"},
	}
	sandbox := task(t, 20)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			container, written := start(t, sandbox, fargatesim.ContainerSpec{
				Name: id, Image: c.image, EntryPoint: []string{"sh", "-c"}, Command: []string{strings.ReplaceAll(look, "/v", c.path)},
				Mounts: []fargatesim.Mount{{Volume: id, Path: c.path}}})
			if _, err := container.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := written.stdout.String() + written.stderr.String(); got != c.want {
				t.Errorf("%s: want %q, got %q", c.because, c.want, got)
			}
		})
	}
}

func TestAVolumeIsTheTasksAndGoesWithIt(t *testing.T) {
	engine := docker(t)
	spec := fargatesim.ContainerSpec{
		Name: "c", Image: shell, EntryPoint: []string{"sh", "-c"}, Command: []string{"cat /v/file 2>/dev/null; { echo kept > /v/file; } 2>/dev/null || echo refused"},
		Mounts: []fargatesim.Mount{{Volume: "data", Path: "/v"}}}
	run := func(sandbox fargatesim.Sandbox) string {
		container, written := start(t, sandbox, spec)
		if _, err := container.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		return written.stdout.String()
	}
	first, second := task(t, 21), task(t, 22)
	if got := run(first); got != "" {
		t.Errorf("the volume is new, and has %q", got)
	}
	if got := run(second); got != "" {
		t.Errorf("another task's volume of the same name is another volume; it has %q", got)
	}
	spec.Name, spec.Mounts[0].ReadOnly = "reader", true
	if got := run(first); got != "kept\nrefused\n" {
		t.Errorf("a mount that is read-only reads and does not write, got %q", got)
	}
	ids := []string{taskID[2:] + "15", taskID[2:] + "16"} // of task(t, 21) and task(t, 22)
	if n := volumesOf(t, engine, ids...); n != 2 {
		t.Errorf("want a volume for each task, found %d", n)
	}
	for _, sandbox := range []fargatesim.Sandbox{first, second} {
		if err := sandbox.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if n := volumesOf(t, engine, ids...); n != 0 {
		t.Errorf("%d volumes outlived their tasks", n)
	}
}

// volumesOf counts the engine's volumes whose names hold one of the task IDs.
func volumesOf(t *testing.T, engine *client.Client, taskIDs ...string) (count int) {
	t.Helper()
	list, err := engine.VolumeList(t.Context(), client.VolumeListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, volume := range list.Items {
		for _, id := range taskIDs {
			if strings.Contains(volume.Name, id) {
				count++
			}
		}
	}
	return count
}

func TestATmpfsHasTheOptionsOfItsDefinition(t *testing.T) {
	container, written := start(t, task(t, 23), fargatesim.ContainerSpec{
		Name: "c", Image: shell, User: "65534", EntryPoint: []string{"sh", "-c"},
		Command: []string{`stat -c '%a %u:%g' /any /own; df -m /any | awk 'END{print $2}'; echo x > /any/x && echo y > /own/y && cat /any/x /own/y`},
		Tmpfs: []fargatesim.Tmpfs{
			{Path: "/any", SizeMiB: 4, Options: []string{"mode=1777"}},
			{Path: "/own", SizeMiB: 4, Options: []string{"mode=700", "uid=65534", "gid=100"}},
		}})
	if _, err := container.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	const want = "1777 0:0\n700 65534:100\n4\nx\ny\n"
	if got := written.stdout.String() + written.stderr.String(); got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

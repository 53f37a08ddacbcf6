// Package image makes the few container images that the local stack needs, where no registry
// can be reached: from a static program of our own and from a static busybox, with nothing
// below them. They carry the names that the manifests use, and a label that says what they
// are. An image that is there already is never replaced, and only our own are removed.
package image

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Label marks the images made here.
const Label = "fargate-local.stand-in"

// Pause is the image that holds a task's network and looks into volumes. Its number counts what it can do: stacks of
// other versions on this machine keep theirs.
const Pause = "fargate-local/pause:2"

// Recipe says how to make an image.
type Recipe struct {
	Name    string   // with its tag
	Changes []string // as in a Dockerfile
	Files   func() ([]File, error)
}

// Recipes returns how to make all images of the stack. program is the path of the static
// stand-in program; busybox that of a static busybox, empty where there is none.
func Recipes(program, busybox string) []Recipe {
	recipes := []Recipe{
		{Pause, []string{`ENTRYPOINT ["/pause"]`}, programAt(program, "pause")},
		nginx("1.7.9", program),
		nginx("1.9.1", program),
	}
	if busybox != "" {
		for _, name := range []string{"busybox:1.36", "busybox:1.37", "busybox:1.37-musl"} { // of the examples, and of the provider's own containers
			recipes = append(recipes, Recipe{
				Name:    name,
				Changes: []string{`CMD ["sh"]`, `ENV PATH=/bin`},
				Files:   func() ([]File, error) { return busyboxTree(busybox) },
			})
		}
	}
	return recipes
}

// nginx is put together as the genuine image is, so that manifests that rely on its
// command, port or version variable work with both.
func nginx(version, program string) Recipe {
	return Recipe{
		Name: "nginx:" + version,
		Changes: []string{
			`CMD ["nginx", "-g", "daemon off;"]`, `EXPOSE 80`,
			`ENV PATH=/usr/sbin NGINX_VERSION=` + version,
		},
		Files: programAt(program, "usr/sbin/nginx"),
	}
}

func programAt(program, path string) func() ([]File, error) {
	return func() ([]File, error) {
		content, err := os.ReadFile(program)
		return []File{{Path: path, Content: content, Mode: 0o755}}, err
	}
}

// Ensure makes the images that are not there and returns their names.
func Ensure(ctx context.Context, docker *client.Client, recipes []Recipe) (made []string, err error) {
	for _, recipe := range recipes {
		_, err := docker.ImageInspect(ctx, recipe.Name)
		if err == nil {
			continue
		}
		if !errdefs.IsNotFound(err) {
			return made, fmt.Errorf("look for image %s: %w", recipe.Name, err)
		}
		if err := build(ctx, docker, recipe); err != nil {
			return made, fmt.Errorf("make image %s: %w", recipe.Name, err)
		}
		made = append(made, recipe.Name)
	}
	return made, nil
}

func build(ctx context.Context, docker *client.Client, recipe Recipe) error {
	files, err := recipe.Files()
	if err != nil {
		return err
	}
	layer, err := archive(files)
	if err != nil {
		return err
	}
	answer, err := docker.ImageImport(ctx, client.ImageImportSource{Source: layer, SourceName: "-"}, recipe.Name,
		client.ImageImportOptions{Changes: append(recipe.Changes, "LABEL "+Label+"=true")})
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer) // the import is done when its answer ends
	return err
}

// Remove removes the images made here, by whichever stack. One that a container still uses stays.
func Remove(ctx context.Context, docker *client.Client) error {
	list, err := docker.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("label", Label)})
	if err != nil {
		return fmt.Errorf("list the stand-in images: %w", err)
	}
	for _, found := range list.Items {
		if _, err := docker.ImageRemove(ctx, found.ID, client.ImageRemoveOptions{}); err != nil &&
			!errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
			return fmt.Errorf("remove stand-in image %v: %w", found.RepoTags, err)
		}
	}
	return nil
}

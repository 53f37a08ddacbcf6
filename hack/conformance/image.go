package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	imageutils "k8s.io/kubernetes/test/utils/image"

	"github.com/virtual-kubelet/aws-fargate/hack/local/dockerruntime"
	"github.com/virtual-kubelet/aws-fargate/hack/local/image"
	"github.com/virtual-kubelet/aws-fargate/hack/local/pki"
)

// makeImages makes stand-ins for those of the suites' images that this machine does not have. They go with
// the last stack on the machine, as its own do: the network of one must be there.
func makeImages(ctx context.Context, bin, version string) (err error) {
	busybox, ok := image.Busybox()
	if !ok {
		return errors.New("the suites' images need a static busybox, and this machine has none (Debian: package busybox-static)")
	}
	docker, err := dockerruntime.Find(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, docker.Close()) }()
	programs, err := readPrograms(bin, version)
	if err != nil {
		return err
	}
	tree, err := busyboxTree(busybox)
	if err != nil {
		return err
	}
	tree = over(tree, image.File{Path: "bin/sh", Content: programs.standin, Mode: 0o755})
	made, err := image.Ensure(ctx, docker, recipes(tree, programs))
	if len(made) > 0 {
		fmt.Println("conformance: made stand-ins, without a registry, for images that this machine does not have:", strings.Join(made, ", "))
	}
	return err
}

// busyboxTree is the root file system of the stack's own image of a busybox.
func busyboxTree(busybox string) ([]image.File, error) {
	all := image.Recipes("", busybox)
	i := slices.IndexFunc(all, func(r image.Recipe) bool { return strings.HasPrefix(r.Name, "busybox:") })
	return all[i].Files()
}

// programs are static programs, and a certificate for those of them that serve HTTPS.
type programs struct {
	agnhost, standin []byte
	pause            []byte // the stack's own stand-in
	certificate      pki.Pair
}

func readPrograms(bin, version string) (p programs, err error) {
	for name, content := range map[string]*[]byte{"agnhost-" + version: &p.agnhost, "conformance-standin": &p.standin, "standin": &p.pause} {
		if *content, err = os.ReadFile(filepath.Join(bin, name)); err != nil {
			return p, err
		}
	}
	authority, err := pki.NewAuthority("conformance")
	if err != nil {
		return p, err
	}
	p.certificate, err = authority.Server("localhost", "127.0.0.1", "localhost")
	return p, err
}

const path = `ENV PATH=/bin:/usr/bin:/usr/local/bin`

// recipes are put together as the genuine images are: their files, entry points and commands are what tests
// rely on. What is no program of Kubernetes is busybox's.
func recipes(tree []image.File, p programs) []image.Recipe {
	agnhost := over(tree, p.agnhostFiles()...)
	nginx := over(tree, image.File{
		Path: "usr/share/nginx/html/index.html", Mode: 0o644, Content: []byte("<html><title>Welcome to nginx!</title></html>\n"),
	})
	list := []image.Recipe{
		recipe(imageutils.BusyBox, tree, `CMD ["sh"]`),
		recipe(imageutils.Agnhost, agnhost, `ENTRYPOINT ["/agnhost"]`, `CMD ["pause"]`),
		recipe(imageutils.AgnhostPrev, agnhost, `ENTRYPOINT ["/agnhost"]`, `CMD ["pause"]`),
		recipe(imageutils.NonRoot, agnhost, `ENTRYPOINT ["/agnhost"]`, `CMD ["pause"]`, `USER 1234`),
		recipe(imageutils.Nonewprivs, agnhost, `ENTRYPOINT ["/agnhost-setuid", "nonewprivs"]`),
		recipe(imageutils.Pause, []image.File{{Path: "pause", Content: p.pause, Mode: 0o755}}, `ENTRYPOINT ["/pause"]`),
		recipe(imageutils.Nautilus, over(agnhost, data("nautilus")), `ENTRYPOINT ["/agnhost"]`, `CMD ["test-webserver"]`),
		recipe(imageutils.Kitten, over(agnhost, data("kitten")), `ENTRYPOINT ["/agnhost"]`, `CMD ["test-webserver"]`),
		// The first process of a container must ask for the signals that end it, which busybox's server does not.
		recipe(imageutils.Nginx, nginx, serve),
		recipe(imageutils.NginxNew, nginx, serve),
	}
	for _, name := range []string{"nginx", "foo", "bar", "baz"} { // virtual-kubelet's suite needs only that they run
		list = append(list, image.Recipe{
			Name: name + ":latest", Changes: []string{`ENTRYPOINT ["/pause"]`},
			Files: func() ([]image.File, error) {
				return []image.File{{Path: "pause", Content: p.pause, Mode: 0o755}}, nil
			},
		})
	}
	return list
}

const serve = `CMD ["sh", "-c", "trap 'exit 0' TERM QUIT; httpd -f -p 80 -h /usr/share/nginx/html & wait"]`

func recipe(id imageutils.ImageID, files []image.File, changes ...string) image.Recipe {
	return image.Recipe{
		Name:    imageutils.GetE2EImage(id),
		Changes: append(changes, path),
		Files:   func() ([]image.File, error) { return files, nil },
	}
}

// over lays files over a tree; one of the same path takes the place of what is there.
func over(tree []image.File, files ...image.File) []image.File {
	there := slices.DeleteFunc(slices.Clone(tree), func(old image.File) bool {
		return slices.ContainsFunc(files, func(f image.File) bool { return f.Path == old.Path })
	})
	return append(there, files...)
}

// agnhostFiles are those of test/images/agnhost/Dockerfile. Users and groups take the place of busybox's.
func (p programs) agnhostFiles() []image.File {
	return []image.File{
		{Path: "agnhost", Content: p.agnhost, Mode: 0o755},
		{Path: "agnhost-2", Link: "agnhost", Mode: 0o777},
		{Path: "agnhost-setuid", Content: p.agnhost, Mode: 0o4755},
		{Path: "bin/curl", Content: p.standin, Mode: 0o755},
		{Path: "uploads/", Mode: 0o755},
		{Path: "localhost.crt", Content: p.certificate.Certificate, Mode: 0o644},
		{Path: "localhost.key", Content: p.certificate.Key, Mode: 0o644},
		{Path: "etc/passwd", Mode: 0o644, Content: []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" +
			"user-defined-in-image:x:1000:1000::/home:/bin/sh\n")},
		{Path: "etc/group", Mode: 0o644, Content: []byte("root:x:0:\nnogroup:x:65534:\nuser-defined-in-image:x:1000:\n" +
			"group-defined-in-image:x:50000:user-defined-in-image\n")},
	}
}

// data is what tells the pictures of the update demo apart.
func data(name string) image.File {
	return image.File{Path: "data.json", Mode: 0o644, Content: fmt.Appendf(nil, "{\n  \"image\": \"%s.jpg\"\n}\n", name)}
}

package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestDirectoriesAreLookedForAndMade(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "there"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		because string
		args    []string
		want    int
	}{
		{"the root is there", []string{root, "/"}, 0},
		{"a directory is there", []string{root, "/there"}, 0},
		{"nothing is there", []string{root, "/there", "/none"}, 1},
		{"a file is no directory", []string{root, "/file"}, 1},
		{"a link would lead out of the volume", []string{root, "/link"}, 1},
		{"a path stays below the root", []string{root, "/../../etc"}, 1},
		{"it is made with those above it", []string{"-make", "-mode", "750", root, "/new/below"}, 0},
		{"and is there then", []string{root, "/new/below"}, 0},
		{"a file does not become one", []string{"-make", root, "/file/below"}, 1},
		{"a mode is a number", []string{"-make", "-mode", "rwx", root, "/other"}, 2},
		{"a root alone is nothing to look for", []string{root}, 2},
	} {
		if got := directory(c.args, io.Discard); got != c.want {
			t.Errorf("%s: want %d, got %d", c.because, c.want, got)
		}
	}
	made, err := os.Stat(filepath.Join(root, "new", "below"))
	if err != nil || made.Mode().Perm() != fs.FileMode(0o750) {
		t.Errorf("want mode 750: %v, %v", made, err)
	}
}

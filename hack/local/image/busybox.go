package image

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Busybox returns the path of a busybox that runs without libraries, and false if this
// machine has none (Debian: package busybox-static).
func Busybox() (string, bool) {
	path, err := exec.LookPath("busybox")
	if err != nil || !static(path) {
		return "", false
	}
	return path, true
}

// static tells whether a program needs no dynamic linker.
func static(path string) bool {
	program, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer program.Close()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

// busyboxTree is a root file system of a busybox and a link to it for each of its commands.
func busyboxTree(path string) ([]File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	names, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("ask busybox for its commands: %w", err)
	}
	files := []File{
		{Path: "bin/busybox", Content: content, Mode: 0o755},
		{Path: "etc/passwd", Content: []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"), Mode: 0o644},
		{Path: "etc/group", Content: []byte("root:x:0:\nnogroup:x:65534:\n"), Mode: 0o644},
		{Path: "root/", Mode: 0o700},
		{Path: "tmp/", Mode: 0o1777},
	}
	for _, name := range strings.Fields(string(names)) {
		if name != "busybox" {
			files = append(files, File{Path: "bin/" + name, Link: "busybox", Mode: 0o777})
		}
	}
	return files, nil
}

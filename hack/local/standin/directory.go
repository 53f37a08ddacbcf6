package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// directory looks for a directory below a root, which is there if no part of its path is a symbolic link: its answer
// is 0, or 1 where there is none. It can make it first, and give it an owner and a mode; 2 is the answer if it cannot.
//
//	pause directory [-make] [-owner 1000:1000] [-mode 755] ROOT PATH...
func directory(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("directory", flag.ContinueOnError)
	flags.SetOutput(out)
	create := flags.Bool("make", false, "make what is not there")
	owner := flags.String("owner", "", "user and group, as numbers")
	mode := flags.String("mode", "", "octal")
	if err := flags.Parse(args); err != nil || flags.NArg() < 2 {
		fmt.Fprintln(out, "directory: want a root and paths below it")
		return 2
	}
	root := flags.Arg(0)
	for _, below := range flags.Args()[1:] {
		found, err := walk(root, below, *create)
		if err == nil && found {
			err = dress(path.Join(root, below), *owner, *mode)
		}
		if err != nil {
			fmt.Fprintln(out, "directory:", err)
			return 2
		}
		if !found {
			return 1
		}
	}
	return 0
}

// walk goes down from the root, part by part.
func walk(root, below string, create bool) (bool, error) {
	at := root
	for _, part := range strings.Split(strings.Trim(path.Clean("/"+below), "/"), "/") {
		at = path.Join(at, part)
		if create {
			if err := os.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return false, err
			}
		}
		found, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil || !found.IsDir() {
			return false, err
		}
	}
	return true, nil
}

func dress(at, owner, mode string) error {
	if user, group, ok := strings.Cut(owner, ":"); ok {
		uid, err1 := strconv.Atoi(user)
		gid, err2 := strconv.Atoi(group)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if err := os.Chown(at, uid, gid); err != nil {
			return err
		}
	}
	if mode == "" {
		return nil
	}
	bits, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return err
	}
	return os.Chmod(at, fs.FileMode(bits))
}

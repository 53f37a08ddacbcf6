package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
)

// File is a file of an image, or with Link a symbolic link, or with a Path that ends in "/" a directory.
type File struct {
	Path    string // from the root, without a leading slash
	Content []byte
	Mode    int64
	Link    string
}

// archive returns the files as the tar of a layer.
func archive(files []File) (io.Reader, error) {
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	for _, file := range files {
		if err := writer.WriteHeader(header(file)); err != nil {
			return nil, fmt.Errorf("archive %s: %w", file.Path, err)
		}
		if _, err := writer.Write(file.Content); err != nil {
			return nil, fmt.Errorf("archive %s: %w", file.Path, err)
		}
	}
	return &layer, writer.Close()
}

func header(file File) *tar.Header {
	kind := byte(tar.TypeReg)
	switch {
	case file.Link != "":
		kind = tar.TypeSymlink
	case file.Path[len(file.Path)-1] == '/':
		kind = tar.TypeDir
	}
	return &tar.Header{Typeflag: kind, Name: file.Path, Linkname: file.Link, Mode: file.Mode, Size: int64(len(file.Content))}
}

package podfile

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strconv"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

const (
	// maxInline is how much of a definition's 64 KiB (developer guide: Amazon ECS service quotas) archives may take
	// together.
	maxInline = 16 << 10
	// pieceLength leaves room for JSON in the 65,536 bytes of a secret (API reference: CreateSecret).
	pieceLength = 60_000
	// format begins what tells one way to lay out files from another. It changes with what an archive is made of.
	format = "files"
	// keyArchive is where a Document has its piece of an archive.
	keyArchive = "archive"
)

// pack makes archives of a volume's files, in an order that does not depend on their content.
func (r *resolver) pack(files []file) (archives []Archive, documents []podenv.Document) {
	var shared, own []file
	bySecret := map[string][]file{}
	var secrets []string
	for _, f := range files {
		switch {
		case f.secret != nil:
			if bySecret[f.secret.Name] == nil {
				secrets = append(secrets, f.secret.Name)
			}
			bySecret[f.secret.Name] = append(bySecret[f.secret.Name], f)
		case f.perPod:
			own = append(own, f)
		default:
			shared = append(shared, f)
		}
	}
	if len(shared) > 0 {
		a := archived(r.archive(shared), shared)
		if r.inline += len(a.Data); r.inline > maxInline {
			r.inline -= len(a.Data)
			a, documents = stored(a, podenv.Address(podenv.Segment(r.in.Pod.Namespace)+"/files/"+digest(a.Data)))
		}
		archives = append(archives, a)
	}
	for _, name := range slices.Sorted(slices.Values(secrets)) {
		list := bySecret[name]
		a, pieces := stored(archived(r.archive(list), list), r.address(list))
		archives, documents = append(archives, a), append(documents, pieces...)
	}
	if len(own) > 0 {
		a := archived(r.archive(own), own)
		a.PerPod = true
		archives = append(archives, a)
	}
	return archives, documents
}

func archived(data string, files []file) Archive {
	return Archive{Data: data, Length: len(data), Field: files[0].field}
}

// address of the files of one Secret: which version of it, which keys, and how they are laid out.
func (r *resolver) address(files []file) podenv.Address {
	secret := files[0].secret
	parts := []string{format, strconv.FormatInt(r.owner.group(), 10), strconv.FormatInt(r.owner.ofDirectory(), 8)}
	for _, f := range files {
		parts = append(parts, f.key, f.path, strconv.FormatInt(f.mode, 8))
	}
	return podenv.AddressOf(r.in.Pod.Namespace, secret, parts...)
}

// packer is who has made an archive: another version of the compression may give other bytes for the same files.
func packer() string { return digest(runtime.Version())[:8] }

// stored puts the archive's data into documents, each with a piece. Only those of one packing fit together, and a piece
// may be there from an earlier one, by an older daemon: so of several each says how many they are and whose.
func stored(a Archive, address podenv.Address) (Archive, []podenv.Document) {
	var documents []podenv.Document
	all := pieces(a.Data)
	for i, piece := range all {
		at := address
		if len(all) > 1 {
			at += podenv.Address(fmt.Sprintf("-%d-of-%d-%s", i+1, len(all), packer()))
		}
		content, err := json.Marshal(map[string]string{keyArchive: piece})
		if err != nil {
			panic(err) // base64
		}
		documents = append(documents, podenv.Document{Address: at, Content: podenv.Hide(string(content))})
		a.Stored = append(a.Stored, podenv.Stored{Address: at, Key: keyArchive})
	}
	a.Data = ""
	return a, documents
}

func pieces(text string) []string {
	var list []string
	for len(text) > pieceLength {
		list, text = append(list, text[:pieceLength]), text[pieceLength:]
	}
	return append(list, text)
}

// archive is the files as a gzipped tar in base64. GNU's format is the one in which busybox reads long names.
func (r *resolver) archive(files []file) string {
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is valid
	out := tar.NewWriter(zip)
	made := map[string]bool{".": true}
	for _, f := range files {
		for _, directory := range directories(f.path) {
			if !made[directory] {
				made[directory] = true
				write(out, &tar.Header{Typeflag: tar.TypeDir, Name: directory + "/", Mode: r.owner.ofDirectory(), Gid: int(r.owner.group())}, nil)
			}
		}
		write(out, &tar.Header{Typeflag: tar.TypeReg, Name: path.Clean(f.path), Mode: f.mode, Gid: int(r.owner.group()), Size: int64(len(f.content))}, f.content)
	}
	if err := cmp.Or(out.Close(), zip.Close()); err != nil {
		panic(fmt.Sprintf("pack files in memory: %v", err))
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}

// directories are those that a path goes through, the outermost first.
func directories(name string) []string {
	var list []string
	for at := path.Dir(path.Clean(name)); at != "."; at = path.Dir(at) {
		list = append(list, at)
	}
	slices.Reverse(list)
	return list
}

func write(out *tar.Writer, header *tar.Header, content []byte) {
	header.Format = tar.FormatGNU
	err := out.WriteHeader(header)
	if err == nil {
		_, err = out.Write(content)
	}
	if err != nil {
		panic(fmt.Sprintf("pack %s in memory: %v", header.Name, err))
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:32]
}

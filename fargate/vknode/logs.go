package vknode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
)

// LogReader is a Provider that can show what containers wrote.
type LogReader interface {
	// ContainerLogs returns what the container wrote, as o asks for: o is
	// valid, its Stream never nil. The pod and its container exist in the API
	// server. Of the errors, virtual-kubelet's NotFound and InvalidInput are
	// told the client as such, all others as the server's fault, each with its
	// text. The reader may return less than is asked for, its reads end when
	// ctx does, and one read is not begun before the client has taken what the
	// last one returned. An error of the first read is told as one of
	// ContainerLogs; of a later one, the client sees only that the log breaks
	// off. The reader is closed once.
	ContainerLogs(ctx context.Context, namespace, pod, container string, o *corev1.PodLogOptions) (io.ReadCloser, error)
}

// logChunk is how much of a log is held for one client.
const logChunk = 16 << 10

// containerLogs answers /containerLogs. virtual-kubelet's own handler cannot
// tell --tail=0 from none.
func (n *Node) containerLogs(p Provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reader, ok := p.(LogReader)
		if !ok {
			http.Error(w, "this node cannot show what containers wrote", http.StatusNotImplemented)
			return
		}
		o, err := logOptions(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		namespace, pod, container := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
		if err := n.findContainer(namespace, pod, container); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		logs, err := reader.ContainerLogs(r.Context(), namespace, pod, container, o)
		if err != nil {
			http.Error(w, err.Error(), logStatus(err))
			return
		}
		defer logs.Close()
		stream(w, logs)
	}
}

// findContainer is nil if the container exists, else the kubelet's words.
func (n *Node) findContainer(namespace, name, container string) error {
	pod, err := n.Pods().Pods(namespace).Get(name)
	if err != nil {
		return fmt.Errorf("pod %q does not exist", name)
	}
	spec := pod.Spec
	if slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == container }) ||
		slices.ContainsFunc(spec.InitContainers, func(c corev1.Container) bool { return c.Name == container }) ||
		slices.ContainsFunc(spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name == container }) {
		return nil
	}
	return fmt.Errorf("container %q not found in pod %q", container, name)
}

func logStatus(err error) int {
	switch {
	case errdefs.IsNotFound(err):
		return http.StatusNotFound
	case errdefs.IsInvalidInput(err):
		return http.StatusBadRequest
	default:
		return http.StatusInternalServerError
	}
}

// stream hands on what is read, at once and no faster than the client takes
// it. The status goes out with the first byte, so what fails before is told.
func stream(w http.ResponseWriter, logs io.Reader) {
	w.Header().Set("Content-Type", "text/plain")
	flush := http.NewResponseController(w).Flush
	chunk := make([]byte, logChunk)
	for begun := false; ; {
		length, err := logs.Read(chunk)
		if length > 0 {
			begun = true
			if _, gone := w.Write(chunk[:length]); gone != nil {
				return
			}
			if gone := flush(); gone != nil {
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil && begun:
			// A proper end would pass off what came for all there is.
			panic(http.ErrAbortHandler)
		case err != nil:
			http.Error(w, err.Error(), logStatus(err))
			return
		}
	}
}

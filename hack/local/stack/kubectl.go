package stack

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Kubectl returns the genuine kubectl with the given arguments, as the cluster's
// administrator, ready to run in the current directory.
func (s *Stack) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(s.config.Bin, "controlplane"), append([]string{"kubectl"}, args...)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig)
	return command
}

// Apply gives kubectl a manifest.
func (s *Stack) Apply(ctx context.Context, manifest io.Reader) ([]byte, error) {
	command := s.Kubectl(ctx, "apply", "-f", "-")
	command.Stdin = manifest
	return command.CombinedOutput()
}

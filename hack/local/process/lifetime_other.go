//go:build !linux

package process

import (
	"os"
	"os/exec"
)

// bindLifetime has no counterpart here: programs outlive a starter that was killed.
func bindLifetime(*exec.Cmd) {}

func terminate(p *os.Process) { _ = p.Signal(os.Interrupt) }
func killGroup(p *os.Process) { _ = p.Kill() }

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// bindLifetime makes the program end with its starter, even if that is killed.
func bindLifetime(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// terminate and killGroup ignore what the system answers: the only answer possible is
// that the program has ended already.
func terminate(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// Package process starts the programs that a local stack is made of and ends them: each
// with a log file of its own, in a process group of its own (so that a Ctrl-C at the
// terminal reaches only the starter, which then ends its programs in order), and gone
// when the starter is gone, however it went. It ends nothing that it did not start.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Command says what to start.
type Command struct {
	Name string // for messages, and of the log file
	Path string
	Args []string
	Env  []string // the whole environment; nil: the starter's
	Dir  string   // working directory; empty: the starter's
	Log  string   // file that takes standard output and error; it is appended to
}

// Process is a program that was started. Its methods may be called at once.
type Process struct {
	Command
	command *exec.Cmd
	done    chan struct{}
	err     error // how it ended; readable once done is closed
}

// Start starts the program. The caller ends it with Stop or Kill.
func Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", c.Name, err)
	}
	defer log.Close() // the program has its own copy of it
	p := &Process{Command: c, command: exec.Command(c.Path, c.Args...), done: make(chan struct{})}
	p.command.Env, p.command.Dir = c.Env, c.Dir
	p.command.Stdout, p.command.Stderr = log, log
	bindLifetime(p.command)
	started := make(chan error)
	go p.supervise(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

// supervise starts the program and waits for its end, on one thread: Linux ends a
// program bound to its parent when the parent's thread goes, not its process.
func (p *Process) supervise(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.command.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.command.Wait()
	if p.err == nil {
		p.err = fmt.Errorf("it ended by itself")
	}
	close(p.done)
}

// PID is the program's process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended returns nil while the program runs, then what became of it with the end of its log.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %w\n%s", p.Name, p.err, p.Tail())
	default:
		return nil
	}
}

// Stop asks the program to end (SIGTERM) and kills it after grace. It returns when it has ended.
func (p *Process) Stop(grace time.Duration) {
	terminate(p.command.Process)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill ends the program and all it started at once (SIGKILL) and returns when it has ended.
func (p *Process) Kill() {
	select {
	case <-p.done: // its number may be another's by now
	default:
		killGroup(p.command.Process)
		<-p.done
	}
}

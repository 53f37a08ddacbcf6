package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// The test program plays the program that is started: what it does is in this variable.
const role = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "say and fail":
		for line := range 100 {
			fmt.Println("line", line)
		}
		os.Exit(3)
	case "stay":
		select {}
	}
}

func start(t *testing.T, what string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Command{
		Name: "program", Path: os.Args[0], Env: []string{role + "=" + what}, Log: filepath.Join(t.TempDir(), "program.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnEndIsToldWithTheEndOfTheLog(t *testing.T) {
	p := start(t, "say and fail")
	<-p.Done()
	got := fmt.Sprint(p.Ended())
	for _, want := range []string{"program ended: exit status 3", "program.log", "line 99"} {
		if !strings.Contains(got, want) {
			t.Errorf("the message lacks %q, without which nobody knows what happened:\n%s", want, got)
		}
	}
	if strings.Contains(got, "line 10\n") {
		t.Errorf("the message is longer than a screen:\n%s", got)
	}
}

func TestWhatIsStartedIsEnded(t *testing.T) {
	ends := map[string]func(*process.Process){
		"asked to end":     func(p *process.Process) { p.Stop(time.Minute) },
		"killed":           (*process.Process).Kill,
		"killed and again": func(p *process.Process) { p.Kill(); p.Kill() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			p := start(t, "stay")
			if err := p.Ended(); err != nil {
				t.Fatalf("it ended before it was told to: %v", err)
			}
			end(p)
			if p.Ended() == nil {
				t.Error("it still runs")
			}
		})
	}
}

func TestAProgramThatDoesNotExistIsNamed(t *testing.T) {
	_, err := process.Start(process.Command{Name: "ghost", Path: "/does/not/exist", Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "start ghost") {
		t.Errorf("want an error that names the program, got %v", err)
	}
}

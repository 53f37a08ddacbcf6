package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fiveFaults = `Subnets = "subnet-0123456789abcdef0"
SecurityGroup = ["sg-0123456789abcdef0"]
CPU = "many"
CloudWatchLogGroupName = "/vk/pods"
[DaemonSets]
Mode = "sometimes"
`

func TestAFileWithFiveFaultsStopsTheStartWithAllOfThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fargate.toml")
	if err := os.WriteFile(file, []byte(fiveFaults), 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), defaults(func(o *options) { o.providerConfig = file }))
	if err == nil || exitCode(err) != 2 {
		t.Fatalf("error %v, want one with exit code 2", err)
	}
	lines := strings.Split(err.Error(), "\n")
	for i, key := range []string{"Subnets", "SecurityGroup", "CPU", "CloudWatchLogGroupName", "DaemonSets.Mode"} {
		if len(lines) != 5 || !strings.Contains(lines[i], key+":") {
			t.Fatalf("want five lines, that about %s being number %d:\n%s", key, i+1, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for reason, row := range map[string]struct {
		err  error
		want int
	}{
		"a command line to mend":           {errors.New("unknown flag"), 2},
		"it ran, and failed":               {runError{errors.New("kubelet port: address already in use")}, 1},
		"it ran, and failed, told further": {errors.Join(runError{context.DeadlineExceeded}), 1},
	} {
		if got := exitCode(row.err); got != row.want {
			t.Errorf("%s: exit code %d, want %d", reason, got, row.want)
		}
	}
}

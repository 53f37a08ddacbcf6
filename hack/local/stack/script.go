package stack

import (
	"context"
	"fmt"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// scripted is the runtime where nothing runs. A container of the image busybox does what the
// few shell commands of its "sh -c" say, so that Jobs end as they would; all others stay
// until they are stopped.
func scripted() *fargatesim.Scripted {
	return &fargatesim.Scripted{Choose: func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
		name, _, _ := strings.Cut(path.Base(c.Image), ":")
		switch {
		case isFiller(c.Name):
			return fargatesim.Exits(0, 0), true
		case name != "busybox" || c.Name == keeper:
			return fargatesim.Script{}, false
		}
		return fargatesim.Script{Run: shell}, true
	}}
}

// keeper is a container of the provider's own that waits until it is stopped.
const keeper = "vk-keeper"

// isFiller tells whether a container of the provider's own fills volumes, of which there are none here.
func isFiller(name string) bool {
	return name == "vk-files" || strings.HasPrefix(name, "vk-image-") || strings.HasPrefix(name, "vk-dirs-")
}

// shell understands variables, echo, sleep, true, false and exit, separated by semicolons. What it does
// not understand ends with 127, as with a real shell.
func shell(stop context.Context, c fargatesim.ContainerSpec) fargatesim.Exit {
	code := 0
	for _, line := range strings.Split(commandLine(c), ";") {
		words := strings.Fields(expand(line, c.Environment))
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "echo":
			fmt.Fprintln(c.Stdout, strings.Join(words[1:], " "))
			code = 0
		case "sleep":
			if code = sleep(stop, words[1:]); stop.Err() != nil {
				return fargatesim.Exit{Code: 143}
			}
		case "true", "false":
			code = map[string]int{"false": 1}[words[0]]
		case "exit":
			return fargatesim.Exit{Code: exitCode(words[1:], code)}
		default:
			fmt.Fprintf(c.Stderr, "sh: %s: the scripted runtime does not know this command\n", words[0])
			code = 127
		}
	}
	return fargatesim.Exit{Code: code}
}

// expand puts the variables in: $NAME, ${NAME}, and ${#NAME} for how long it is. Quotes mean nothing here.
func expand(line string, environment map[string]string) string {
	return os.Expand(strings.NewReplacer(`"`, "", "'", "").Replace(line), func(name string) string {
		if name, length := strings.CutPrefix(name, "#"); length {
			return strconv.Itoa(len(environment[name]))
		}
		return environment[name]
	})
}

// commandLine is the argument of "sh -c", or the words of a plain command.
func commandLine(c fargatesim.ContainerSpec) string {
	words := append(append([]string(nil), c.EntryPoint...), c.Command...)
	if len(words) >= 3 && path.Base(words[0]) == "sh" && words[1] == "-c" {
		return words[2]
	}
	return strings.Join(words, " ")
}

func exitCode(words []string, last int) int {
	if len(words) == 0 {
		return last
	}
	code, err := strconv.Atoi(words[0])
	if err != nil {
		return 2 // as a shell says of a number that is none
	}
	return code
}

// sleep returns when the time is over or stop ends.
func sleep(stop context.Context, words []string) int {
	duration, err := sleepTime(strings.Join(words, " "))
	if err != nil {
		return 1
	}
	select {
	case <-time.After(duration):
	case <-stop.Done():
	}
	return 0
}

// sleepTime reads seconds, or a time with a unit, or "infinity".
func sleepTime(word string) (time.Duration, error) {
	if word == "infinity" {
		return math.MaxInt64, nil
	}
	if seconds, err := strconv.ParseFloat(word, 64); err == nil {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	return time.ParseDuration(word)
}

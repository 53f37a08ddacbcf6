package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// kubectl types a command as the user would and returns its output.
func (w *Walk) kubectl(ctx context.Context, args ...string) (string, error) {
	return w.run("kubectl", args, w.Stack.Kubectl(ctx, args...))
}

// manifest gives kubectl a file of the examples.
func (w *Walk) manifest(ctx context.Context, verb, name string) error {
	shown := []string{verb, "-f", "examples/" + name}
	real := w.Stack.Kubectl(ctx, verb, "-f", w.Examples+"/"+name)
	_, err := w.run("kubectl", shown, real)
	return err
}

// run prints the command with its output, and returns the output.
func (w *Walk) run(name string, args []string, command *exec.Cmd) (string, error) {
	line := strings.Join(append([]string{name}, args...), " ")
	fmt.Fprintln(w.Out, "$ "+line)
	text, err := command.CombinedOutput()
	fmt.Fprint(w.Out, string(text))
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(text)))
	}
	return string(text), nil
}

// aws types a command of the AWS CLI; ok is false where there is no such CLI.
func (w *Walk) aws(ctx context.Context, args ...string) (ok bool, err error) {
	path, err := exec.LookPath("aws")
	if err != nil {
		return false, nil
	}
	command := exec.CommandContext(ctx, path, append(args, "--output", "text")...)
	command.Env = append(os.Environ(), stack.Environment(w.Stack.Endpoint)...)
	_, err = w.run("aws", args, command)
	return true, err
}

// get asks for a page as curl would, and returns the server's name for itself.
func (w *Walk) get(ctx context.Context, address string) (server string, err error) {
	url := "http://" + address + "/"
	ctx, cancel := context.WithTimeout(ctx, httpLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: the address is here
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	server = answer.Header.Get("Server")
	fmt.Fprintf(w.Out, "$ curl -i %s\n%s %s\nServer: %s\n\n%s", url, answer.Proto, answer.Status, server, page)
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return server, nil
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Exit codes of curl that tests look at (curl's manual: exit codes).
const (
	usage    = 2
	refused  = 7
	timedOut = 28
	other    = 56
)

// request is what the command line asks for.
type request struct {
	url, method, body, output, format string
	headers                           http.Header
	include, insecure                 bool
	connect, total                    float64 // seconds; 0: no limit
}

// curl asks for one URL over HTTP, with those options that Kubernetes' tests use, writes the answer, and returns
// the exit code of curl. An option that it does not know is an error.
func curl(args []string, out io.Writer) (int, error) {
	r, err := parse(args)
	if err != nil {
		return usage, err
	}
	answer, err := r.send()
	if err != nil {
		return code(err), err
	}
	defer answer.Body.Close()
	body := out
	if r.output != "" {
		file, err := os.Create(r.output)
		if err != nil {
			return other, err
		}
		defer file.Close()
		body = file
	}
	if r.include {
		fmt.Fprintf(body, "%s %s\r\n", answer.Proto, answer.Status)
		if err := answer.Header.Write(body); err != nil {
			return other, err
		}
		fmt.Fprint(body, "\r\n")
	}
	if _, err := io.Copy(body, answer.Body); err != nil {
		return code(err), err
	}
	fmt.Fprint(out, strings.NewReplacer("%{http_code}", fmt.Sprint(answer.StatusCode), `\n`, "\n").Replace(r.format))
	return 0, nil
}

func (r request) send() (*http.Response, error) {
	dialer := &net.Dialer{Timeout: seconds(r.connect)}
	client := http.Client{
		Timeout: seconds(r.total),
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: r.insecure}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	url := r.url
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	asked, err := http.NewRequestWithContext(context.Background(), r.method, url, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	asked.Header = r.headers
	return client.Do(asked)
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// code is what curl makes of an error of the network.
func code(err error) int {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return timedOut
	}
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return refused
	}
	return other
}

// parse reads the options, which may follow the URL and, of one letter, be written together.
func parse(args []string) (request, error) {
	r := request{headers: http.Header{}}
	flags := flag.NewFlagSet("curl", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var ignored bool
	for _, name := range []string{"g", "q", "s", "S", "v", "silent", "globoff"} {
		flags.BoolVar(&ignored, name, false, "")
	}
	head := flags.Bool("I", false, "")
	flags.BoolVar(&r.include, "i", false, "")
	flags.BoolVar(&r.insecure, "k", false, "")
	flags.StringVar(&r.method, "X", "", "")
	flags.StringVar(&r.body, "d", "", "")
	flags.StringVar(&r.body, "data", "", "")
	flags.StringVar(&r.output, "o", "", "")
	flags.StringVar(&r.format, "w", "", "")
	flags.Float64Var(&r.connect, "connect-timeout", 0, "")
	flags.Float64Var(&r.total, "max-time", 0, "")
	flags.Float64Var(&r.total, "m", 0, "")
	header := func(line string) error {
		name, value, _ := strings.Cut(line, ":")
		r.headers.Add(name, strings.TrimSpace(value))
		return nil
	}
	flags.Func("H", "", header)
	flags.Func("header", "", header)
	for args = apart(args); len(args) > 0; {
		if err := flags.Parse(args); err != nil {
			return r, err
		}
		if args = flags.Args(); len(args) > 0 {
			r.url, args = args[0], args[1:]
		}
	}
	r.include = r.include || *head
	if r.method == "" && *head {
		r.method = http.MethodHead
	}
	if r.method == "" && r.body != "" {
		r.method = http.MethodPost
	}
	if r.url == "" {
		return r, errors.New("no URL")
	}
	return r, nil
}

// apart writes each option of one letter on its own: -XGET as -X GET, -sk as -s -k.
func apart(args []string) (list []string) {
	for _, arg := range args {
		for len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
			list = append(list, arg[:2])
			if strings.ContainsRune("XdowmH", rune(arg[1])) {
				arg = arg[2:]
				break
			}
			arg = "-" + arg[2:]
		}
		list = append(list, arg)
	}
	return list
}

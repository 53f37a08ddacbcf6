package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestOnlyACommandByItselfGoesWithoutAShell(t *testing.T) {
	cases := map[string]struct{ args, want []string }{
		"a command":          {args: []string{"sh", "-c", "env"}, want: []string{"env"}},
		"one with arguments": {args: []string{"sh", "-c", "env | sort"}, want: []string{"sh", "-c", "env | sort"}},
		"one of the shell's": {args: []string{"sh", "-c", "nosuchcommand"}, want: []string{"sh", "-c", "nosuchcommand"}},
		"a shell by its path, which it names in messages": {args: []string{"/bin/sh"}, want: []string{"/bin/sh"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := shell(c.args); !slices.Equal(got, c.want) {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}

func TestCurl(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Method", r.Method)
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write([]byte("from " + r.Host))
	}))
	defer server.Close()
	cases := map[string]struct {
		args string
		code int
		says []string
	}{
		"a plain request, options first":   {args: "-g -q -s --connect-timeout 3 URL/clientip", says: []string{"from "}},
		"without a scheme, options last":   {args: "HOST --max-time 5 -s", says: []string{"from "}},
		"the code of the answer":           {args: "-s -o /dev/null -w %{http_code} URL/missing", says: []string{"404"}},
		"options of one letter together":   {args: "-sk -o /dev/null -I -w %{http_code} URL", says: []string{"200"}},
		"a method and a header":            {args: "-XPUT -siH Host:other.example URL", says: []string{"X-Method: PUT"}},
		"nobody listens":                   {args: "-s http://127.0.0.1:1/", code: refused},
		"an option that it does not know":  {args: "--compressed URL", code: usage},
		"nothing to ask for is told as so": {args: "-s", code: usage},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			args := strings.NewReplacer("URL", server.URL, "HOST", strings.TrimPrefix(server.URL, "http://")).Replace(c.args)
			code, err := curl(strings.Fields(args), &out)
			if code != c.code {
				t.Errorf("want code %d, got %d: %v", c.code, code, err)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("want %q in %q", want, out.String())
				}
			}
		})
	}
}

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestThePageNamesItsVersionAsNginxDoes(t *testing.T) {
	cases := map[string]struct {
		path   string
		status int
	}{
		"the page":        {path: "/", status: http.StatusOK},
		"any other page":  {path: "/nothing", status: http.StatusNotFound},
		"the page's name": {path: "/index.html", status: http.StatusOK},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			recorder := httptest.NewRecorder()
			site("1.7.9", &log).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, c.path, nil))
			if recorder.Code != c.status {
				t.Errorf("want status %d, got %d", c.status, recorder.Code)
			}
			if got := recorder.Header().Get("Server"); got != "nginx/1.7.9" {
				t.Errorf("the rolling update is read off the Server header, which says %q", got)
			}
			if !strings.Contains(log.String(), `"GET `+c.path+` HTTP/1.1"`) {
				t.Errorf("kubectl logs shows an access log as of nginx, got %q", log.String())
			}
		})
	}
}

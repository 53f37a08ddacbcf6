package prober

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// request is what an httpGet handler sends, as the user agent unless it names another.
func (n *network) request(ctx context.Context, get *corev1.HTTPGetAction, t target, agent string) (*http.Request, error) {
	address, err := addressOf(get.Host, get.Port, t)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, urlOf(get, address), nil)
	if err != nil {
		return nil, err
	}
	for _, header := range get.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
	}
	request.Host = request.Header.Get("Host")
	byDefault(request.Header, "User-Agent", agent)
	byDefault(request.Header, "Accept", "*/*")
	if request.Header.Get("Accept") == "" {
		request.Header.Del("Accept") // the way to send none
	}
	return request, nil
}

func byDefault(header http.Header, name, value string) {
	if _, given := header[name]; !given {
		header.Set(name, value)
	}
}

// urlOf is the handler's URL. Its path may hold a query. What is no path is sent as it is.
func urlOf(get *corev1.HTTPGetAction, address string) string {
	u, err := url.Parse(get.Path)
	if err != nil {
		u = &url.URL{Path: get.Path}
	}
	u.Scheme, u.Host = "http", address
	if get.Scheme != "" {
		u.Scheme = strings.ToLower(string(get.Scheme))
	}
	return u.String()
}

// httpGet sends a request. An answer that breaks off is an error, as with kubelet, and not a failure.
func (n *network) httpGet(request *http.Request) (answer, error) {
	client := http.Client{Transport: n.transport, CheckRedirect: sameHost}
	response, err := client.Do(request)
	if err != nil {
		return answer{verdict: failure, words: httpFault(request.Context(), err)}, nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxMessage))
	switch code := response.StatusCode; {
	case err != nil:
		return answer{verdict: failure}, err
	case code < http.StatusOK || code >= http.StatusBadRequest: // without the body: the host named may be another's
		return answer{verdict: failure, words: fmt.Sprintf("HTTP probe failed with statuscode: %d", code)}, nil
	case code >= http.StatusMultipleChoices:
		return answer{verdict: success, words: "Probe terminated redirects, Response body: " + string(body)}, nil
	default:
		return answer{verdict: success}, nil
	}
}

// httpFault words a request without an answer. Of all that a timeout may cut short, one is told, the same
// each time.
func httpFault(ctx context.Context, err error) string {
	var fault *url.Error
	if ctx.Err() == nil || !errors.As(err, &fault) {
		return err.Error()
	}
	fault.Err = ctx.Err()
	return fault.Error() + " (Client.Timeout exceeded while awaiting headers)"
}

// sameHost follows redirects that stay with the host, up to ten. One that leaves it is the answer.
func sameHost(request *http.Request, via []*http.Request) error {
	if request.URL.Hostname() != via[0].URL.Hostname() {
		return http.ErrUseLastResponse
	}
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	return nil
}

package fargatesim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// post sends a request as no SDK would, and returns the status and the error type of the answer.
func post(t *testing.T, sim *fargatesim.Server, target, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://fargate.test/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+target)
	signedAt(r, time.Now())
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261122/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=00")
	if change != nil {
		change(r)
	}
	response, err := sim.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Type string `json:"__type"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer.Type
}

func signedAt(r *http.Request, at time.Time) {
	r.Header.Set("X-Amz-Date", at.UTC().Format("20060102T150405Z"))
}

func TestDecodingIsStrict(t *testing.T) {
	sim := fargatesim.New(fargatesim.Config{})
	for why, row := range map[string]struct{ target, body, code string }{
		"an empty body has no members":           {"ListClusters", ``, ""},
		"null is an absent member":               {"ListClusters", `{"nextToken":null}`, ""},
		"a member that does not exist":           {"RunTask", `{"taskDefinition":"web","colour":"blue"}`, "SerializationException"},
		"a member in another case":               {"RunTask", `{"TaskDefinition":"web"}`, "SerializationException"},
		"a member of the SDK that is not AWS's":  {"RunTask", `{"taskDefinition":"web","resultMetadata":{}}`, "SerializationException"},
		"a member twice":                         {"RunTask", `{"taskDefinition":"web","taskDefinition":"db"}`, "SerializationException"},
		"a member deep inside":                   {"RunTask", `{"taskDefinition":"web","overrides":{"containerOverrides":[{"image":"x"}]}}`, "SerializationException"},
		"a number for a string":                  {"RunTask", `{"taskDefinition":7}`, "SerializationException"},
		"a string for a number":                  {"RunTask", `{"taskDefinition":"web","count":"1"}`, "SerializationException"},
		"a fraction for an integer":              {"RunTask", `{"taskDefinition":"web","count":1.5}`, "SerializationException"},
		"a number beyond 32 bits":                {"RunTask", `{"taskDefinition":"web","count":4294967297}`, "SerializationException"},
		"a string for a truth":                   {"RunTask", `{"taskDefinition":"web","enableExecuteCommand":"true"}`, "SerializationException"},
		"a structure for a list":                 {"RunTask", `{"taskDefinition":"web","tags":{"a":"b"}}`, "SerializationException"},
		"a list for a structure":                 {"RunTask", `{"taskDefinition":"web","overrides":[]}`, "SerializationException"},
		"null in a list":                         {"DescribeTasks", `{"tasks":[null]}`, "SerializationException"},
		"text after the end":                     {"ListClusters", `{} {}`, "SerializationException"},
		"half a request":                         {"ListClusters", `{"nextToken":`, "SerializationException"},
		"a required member that is missing":      {"RunTask", `{"cluster":"demo"}`, "InvalidParameterException"},
		"one missing deep inside":                {"RegisterTaskDefinition", `{"family":"a","containerDefinitions":[{"logConfiguration":{}}]}`, "InvalidParameterException"},
		"a value outside the enumeration":        {"RunTask", `{"taskDefinition":"web","launchType":"MOON"}`, "InvalidParameterException"},
		"an operation that does not exist":       {"RunPod", `{}`, "UnknownOperationException"},
		"an operation of ECS that is not here":   {"CreateService", `{"serviceName":"web"}`, "UnknownOperationException"},
		"more than a hundred clusters described": {"DescribeClusters", `{"clusters":[` + strings.Repeat(`"a",`, 100) + `"a"]}`, "InvalidParameterException"},
	} {
		t.Run(why, func(t *testing.T) {
			if _, got := post(t, sim, row.target, row.body, nil); got != row.code {
				t.Errorf("%s %s: want %q, got %q", row.target, row.body, row.code, got)
			}
		})
	}
}

func TestRequestsAreAddressedRight(t *testing.T) {
	sim := fargatesim.New(fargatesim.Config{})
	for why, row := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"not signed": {func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationTokenException"},
		"signed for another region": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "us-east-1", "eu-west-1", 1))
		}, 403, "InvalidSignatureException"},
		"signed for another service": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/ecs/", "/ec2/", 1))
		}, 403, "InvalidSignatureException"},
		"without a date":          {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 403, "IncompleteSignatureException"},
		"signed too long ago":     {func(r *http.Request) { signedAt(r, time.Now().Add(-6*time.Minute)) }, 403, "InvalidSignatureException"},
		"signed in the future":    {func(r *http.Request) { signedAt(r, time.Now().Add(6*time.Minute)) }, 403, "InvalidSignatureException"},
		"in another content type": {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "UnknownOperationException"},
		"to another path":         {func(r *http.Request) { r.URL.Path = "/tasks" }, 404, "UnknownOperationException"},
		"to no service":           {func(r *http.Request) { r.Header.Del("X-Amz-Target") }, 400, "UnknownOperationException"},
	} {
		t.Run(why, func(t *testing.T) {
			status, got := post(t, sim, "ListClusters", `{}`, row.change)
			if status != row.status || got != row.code {
				t.Errorf("want %d %s, got %d %s", row.status, row.code, status, got)
			}
		})
	}
}

func TestTrafficIsRecorded(t *testing.T) {
	var seen []fargatesim.Exchange
	a := open(t, fargatesim.Config{Record: func(e fargatesim.Exchange) { seen = append(seen, e) }})
	a.register(nil)
	a.run(nil)
	if len(seen) != 2 || seen[1].Service != "ecs" || seen[1].Operation != "RunTask" || seen[1].Status != 200 ||
		!strings.Contains(string(seen[1].Request), `"taskDefinition":"web"`) || !strings.Contains(string(seen[1].Response), `"lastStatus":"PROVISIONING"`) {
		t.Errorf("recorded: %+v", seen)
	}
}

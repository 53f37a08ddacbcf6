package oracle_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim/oracle"
)

// TestDeviationsAreSeen: an oracle that finds nothing anywhere would prove nothing.
func TestDeviationsAreSeen(t *testing.T) {
	model, err := oracle.Load(t.Context())
	if errors.Is(err, oracle.ErrAbsent) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const subnets = `<DescribeSubnetsResponse xmlns="x"><requestId>r</requestId><subnetSet>%</subnetSet></DescribeSubnetsResponse>`
	xml := func(item string) string { return strings.Replace(subnets, "%", item, 1) }
	for why, row := range map[string]struct {
		service, operation, request string
		status                      int
		response, want              string // want is part of the only deviation; empty: there is none
	}{
		"all is well":                  {"ecs", "RunTask", `{"taskDefinition":"web","count":1}`, 200, `{"tasks":[{"createdAt":1763800000.123,"version":1}]}`, ""},
		"an empty answer":              {"ecs", "TagResource", `{"resourceArn":"a","tags":[]}`, 200, `{}`, ""},
		"an unknown member":            {"ecs", "RunTask", `{"taskDefinition":"web","colour":"blue"}`, 200, `{}`, "request.colour: unknown member"},
		"a member in another case":     {"ecs", "RunTask", `{"taskDefinition":"web"}`, 200, `{"Tasks":[]}`, "response.Tasks: unknown member"},
		"a required member is missing": {"ecs", "RunTask", `{"count":1}`, 200, `{}`, "request.taskDefinition: required"},
		"text for a number":            {"ecs", "RunTask", `{"taskDefinition":"web","count":"1"}`, 200, `{}`, "request.count"},
		"a fraction":                   {"ecs", "RunTask", `{"taskDefinition":"web","count":1.5}`, 200, `{}`, "request.count"},
		"an integer beyond 32 bits":    {"ecs", "RunTask", `{"taskDefinition":"web","count":4294967296}`, 200, `{}`, "request.count"},
		"a value of no enumeration":    {"ecs", "RunTask", `{"taskDefinition":"web","launchType":"MOON"}`, 200, `{}`, "request.launchType"},
		"null":                         {"ecs", "RunTask", `{"taskDefinition":"web"}`, 200, `{"tasks":null}`, "response.tasks: is null"},
		"a timestamp as text":          {"ecs", "RunTask", `{"taskDefinition":"web"}`, 200, `{"tasks":[{"createdAt":"2026-11-22T12:00:00Z"}]}`, "createdAt"},
		"a timestamp in milliseconds":  {"ecs", "RunTask", `{"taskDefinition":"web"}`, 200, `{"tasks":[{"createdAt":1763800000123}]}`, "createdAt"},
		"a list for a structure":       {"ecs", "RunTask", `{"taskDefinition":"web"}`, 200, `{"tasks":[[]]}`, "response.tasks[0]"},
		"a name that is too long":      {"secretsmanager", "CreateSecret", `{"Name":"` + strings.Repeat("a", 513) + `"}`, 200, `{}`, "request.Name"},
		"bytes that are no base64":     {"secretsmanager", "GetSecretValue", `{"SecretId":"a"}`, 200, `{"SecretBinary":"!"}`, "SecretBinary"},
		"a faulty request is refused":  {"ecs", "RunTask", `{"count":"1"}`, 400, `{"__type":"ClientException","message":"x"}`, ""},
		"an error of another service":  {"ecs", "RunTask", `{}`, 400, `{"__type":"DecryptionFailure","message":"x"}`, "no error"},
		"text of an error elsewhere":   {"ecs", "RunTask", `{}`, 400, `{"__type":"ClientException","Message":"x"}`, "error.Message: unknown member"},
		"an operation nobody has":      {"ecs", "RunPod", `{}`, 200, `{}`, "no operation"},
		"XML as it should be":          {"ec2", "DescribeSubnets", `Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=a&Filter.1.Name=n&Filter.1.Value.1=v`, 200, xml(`<item><subnetId>a</subnetId></item>`), ""},
		"an unknown parameter":         {"ec2", "DescribeSubnets", `SubnetID.1=a`, 200, xml(``), "request.SubnetID.1"},
		"a list without an index":      {"ec2", "DescribeSubnets", `SubnetId=a`, 200, xml(``), "no index"},
		"an unknown element":           {"ec2", "DescribeSubnets", ``, 200, xml(`<item><colour>blue</colour></item>`), "colour: unknown element"},
		"a list of something else":     {"ec2", "DescribeSubnets", ``, 200, xml(`<member><subnetId>a</subnetId></member>`), "a list of member"},
		"an integer in words":          {"ec2", "DescribeSubnets", ``, 200, xml(`<item><availableIpAddressCount>many</availableIpAddressCount></item>`), "availableIpAddressCount"},
		"an error of EC2":              {"ec2", "DescribeSubnets", ``, 400, `<Response><Errors><Error><Code>c</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>`, ""},
		"an error in STS's words":      {"ec2", "DescribeSubnets", ``, 400, `<ErrorResponse><Error><Code>c</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>`, "not wrapped"},
	} {
		t.Run(why, func(t *testing.T) {
			got := model.Deviations(row.service, row.operation, []byte(row.request), row.status, []byte(row.response))
			if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || !strings.Contains(got[0], row.want)) {
				t.Errorf("want %q, got %q", row.want, got)
			}
		})
	}
}

// TestCFNLintSees shows the linter one definition that is fine and one whose memory does not go with its CPU.
func TestCFNLintSees(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: cfn-lint takes some seconds")
	}
	definition := func(memory string) []byte {
		return []byte(`{"family":"web","cpu":"256","memory":"` + memory + `","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],
			"containerDefinitions":[{"name":"app","image":"nginx","dockerLabels":{"a.b/c":"d"}}]}`)
	}
	template, err := oracle.Template([][]byte{definition("512"), definition("8192")})
	if err != nil {
		t.Fatal(err)
	}
	findings, err := oracle.Lint(t.Context(), template)
	if errors.Is(err, oracle.ErrAbsent) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil || strings.Count(findings, "\n") != 0 || !strings.Contains(findings, "8192") {
		t.Errorf("%v\n%s", err, findings)
	}
}

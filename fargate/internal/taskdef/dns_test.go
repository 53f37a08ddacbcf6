package taskdef_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// A container finds what a kubelet would have written into its /etc/resolv.conf.
func TestResolvConf(t *testing.T) {
	const vpcs = "; the VPC's\nnameserver 10.0.0.2\nsearch ignored\nsearch ec2.internal. svc\noptions timeout:2 rotate\n"
	for name, test := range map[string]struct{ why, spec, want string }{
		"options": {"one that is there is replaced, the others stay",
			`{dnsConfig: {options: [{name: timeout, value: "5"}, {name: ndots, value: "2"}, {name: edns0}]}}`,
			"nameserver 10.0.0.2\nsearch ec2.internal svc\noptions timeout:5 rotate ndots:2 edns0\n"},
		"servers and searches": {"they come after those that are there, each once",
			`{dnsPolicy: ClusterFirst, dnsConfig: {nameservers: [10.0.0.9, 10.0.0.2], searches: [svc, shop.example.com]}}`,
			"nameserver 10.0.0.2\nnameserver 10.0.0.9\nsearch ec2.internal svc shop.example.com\noptions timeout:2 rotate\n"},
		"None": {"nothing of the VPC's is left",
			`{dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.9, 1.1.1.1], searches: [shop.example.com, example.com], options: [{name: ndots, value: "2"}, {name: edns0}]}}`,
			"nameserver 10.0.0.9\nnameserver 1.1.1.1\nsearch shop.example.com example.com\noptions ndots:2 edns0\n"},
		"None, servers alone": {"no empty lines are written",
			`{dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.9]}}`, "nameserver 10.0.0.9\n"},
		"nothing": {"the file is left alone", `{dnsPolicy: Default, dnsConfig: {}}`, vpcs},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			file := filepath.Join(m.root, "etc/resolv.conf")
			if err := os.WriteFile(file, []byte(vpcs), 0o644); err != nil {
				t.Fatal(err)
			}
			spec := strings.TrimSuffix(test.spec, "}") + `, containers: [{name: c, image: i, command: [cat, /etc/resolv.conf]}]}`
			for range 2 { // the second time changes nothing, where containers share the file
				if diff := cmp.Diff(test.want, m.start(definitionOf(t, translateSpec(t, spec, nil), "c"))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", test.why, diff)
				}
			}
		})
	}
}

// Options alone are no reason not to run: where the image's user may not write the file, the container starts without.
func TestResolvConfThatCannotBeWritten(t *testing.T) {
	m := newMachine(t)
	if err := os.MkdirAll(filepath.Join(m.root, "etc/resolv.conf"), 0o755); err != nil { // nobody can write that
		t.Fatal(err)
	}
	got := translateSpec(t, `{dnsConfig: {options: [{name: ndots, value: "2"}]}, containers: [{name: c, image: i, command: [echo, runs]}]}`, nil)
	if said := m.start(definitionOf(t, got, "c")); !strings.Contains(said, "vk-start: the options of dnsConfig are not set") || !strings.HasSuffix(said, "runs\n") {
		t.Errorf("said %q", said)
	}
}

func TestWhereResolvConfCannotBe(t *testing.T) {
	for name, test := range map[string]struct {
		why, spec, containers string
		want                  string // the verdict, and how the finding begins
	}{
		"options": {"they make things faster, and are not needed", `{dnsConfig: {options: [{name: ndots, value: "2"}]}`, `{name: c, image: i}`,
			"warned spec.dnsConfig: container c: Fargate tasks use the VPC's resolver as it is, and the container does not name its command"},
		"searches": {"names would not be found", `{dnsConfig: {searches: [a]}`, `{name: c, image: i, command: [c], securityContext: {runAsUser: 5}}`,
			"refused spec.dnsConfig: container c: Fargate tasks use the VPC's resolver as it is, and the container does not run as root"},
		"None": {"another resolver would be asked", `{dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.9]}`, `{name: c, image: i, command: [c], securityContext: {readOnlyRootFilesystem: true}}`,
			"refused spec.dnsPolicy: container c: Fargate tasks use the VPC's resolver as it is, and the container's file system is read-only"},
		"an empty one": {"it asks for nothing", `{dnsConfig: {}`, `{name: c, image: i}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, test.spec+", containers: ["+test.containers+"]}", &pod.Spec)
			in, _ := resolved(pod, nodeSources())
			var said []string
			for _, f := range taskdef.Check(in) {
				if strings.HasPrefix(f.Field, "spec.dns") {
					said = append(said, string(f.Verdict)+" "+f.String())
				}
			}
			if got := strings.Join(said, "\n"); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") || len(said) > 1 {
				t.Errorf("%s: said %q, want %q", test.why, got, test.want)
			}
		})
	}
}

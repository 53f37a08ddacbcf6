package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim/oracle"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// traffic is all that went between the daemons and the local AWS.
type traffic struct {
	mu        sync.Mutex // guards exchanges
	exchanges []fargatesim.Exchange
}

func (t *traffic) record(e fargatesim.Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges = append(t.exchanges, e)
}

// judge holds the traffic to what AWS itself wrote: its API model, and cfn-lint's rules for task definitions. What is
// not on this machine judges nothing, and that is said.
func (t *traffic) judge(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.walk(ctx), t.lint(ctx))
}

func (t *traffic) walk(ctx context.Context) error {
	model, err := oracle.Load(ctx)
	if errors.Is(err, oracle.ErrAbsent) {
		fmt.Println("e2e: SKIPPED: nobody judges the traffic by AWS's API model:", err)
		return nil
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range t.exchanges {
		for _, deviation := range model.Deviations(e.Service, e.Operation, e.Request, e.Status, e.Response) {
			seen[deviation] = true
		}
	}
	fmt.Printf("e2e: AWS's API model: %d exchanges, %d deviations\n", len(t.exchanges), len(seen))
	return problems("deviations from AWS's API model", seen)
}

func (t *traffic) lint(ctx context.Context) error {
	var definitions [][]byte
	for _, e := range t.exchanges {
		if e.Operation == "RegisterTaskDefinition" && e.Status == 200 {
			definitions = append(definitions, e.Request)
		}
	}
	template, err := oracle.Template(definitions)
	if err != nil {
		return err
	}
	found, err := oracle.Lint(ctx, template)
	if errors.Is(err, oracle.ErrAbsent) {
		fmt.Println("e2e: SKIPPED: nobody lints the task definitions:", err)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("e2e: cfn-lint: %d task definitions\n", len(definitions))
	if found != "" {
		return fmt.Errorf("cfn-lint:\n%s", found)
	}
	return nil
}

// right is one line of a role: a verb on a resource.
type right struct{ group, resource, verb string }

func (r right) String() string {
	return strings.TrimPrefix(r.group+"/", "/") + r.resource + " " + r.verb
}

// seldom are rights for what does not happen in these tests.
var seldom = map[right]string{
	{"", "pods", "list"}:     "this API server streams lists; older ones do not",
	{"", "services", "list"}: "this API server streams lists; older ones do not",
	{"", "pods", "get"}:      "a pod whose deletion was missed is looked for once more before its task is stopped",
}

// judgeRights holds examples/deploy/rbac.yaml to what the daemon asked of the API server: nothing was forbidden and, where
// all tests ran, nothing is granted that it did not use.
func judgeRights(s *stack.Stack, all bool) error {
	used, forbidden := map[right]bool{}, map[string]bool{}
	err := s.Asked(s.Daemon.NodeName, func(event auditv1.Event) {
		if event.ObjectRef == nil {
			return // a look at what the API server has
		}
		r := right{event.ObjectRef.APIGroup, event.ObjectRef.Resource, event.Verb}
		if event.ObjectRef.Subresource != "" {
			r.resource += "/" + event.ObjectRef.Subresource
		}
		used[r] = true
		if event.Annotations["authorization.k8s.io/decision"] == "forbid" {
			forbidden[r.String()] = true
		}
	})
	if err != nil {
		return err
	}
	granted, err := rights(s)
	if err != nil {
		return err
	}
	idle := map[string]bool{}
	for _, r := range granted {
		if !used[r] && all && seldom[r] == "" {
			idle[r.String()] = true
		}
	}
	fmt.Printf("e2e: rbac.yaml: %d rights, %d not used, %d missing\n", len(granted), len(idle), len(forbidden))
	return errors.Join(problems("rights that rbac.yaml lacks", forbidden), problems("rights of rbac.yaml that were not used", idle))
}

// rights are those of all roles in examples/deploy/rbac.yaml.
func rights(s *stack.Stack) ([]right, error) {
	text, err := s.RBAC(s.Daemon.NodeName)
	if err != nil {
		return nil, err
	}
	var all []right
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var role rbacv1.ClusterRole // a Role has the same fields
		if err := documents.Decode(&role); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("rbac.yaml: %w", err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						all = append(all, right{group, resource, verb})
					}
				}
			}
		}
	}
}

func problems(what string, seen map[string]bool) error {
	if len(seen) == 0 {
		return nil
	}
	var all []string
	for problem := range seen {
		all = append(all, problem)
	}
	slices.Sort(all)
	return fmt.Errorf("%s:\n%s", what, strings.Join(all, "\n"))
}

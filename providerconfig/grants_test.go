package providerconfig_test

import (
	"testing"

	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

func TestTaskRole(t *testing.T) {
	const account = "arn:aws:iam::123456789012:role/"
	grants := providerconfig.Grants{
		{Namespaces: []string{"shop", "team-*"}, TaskRoles: []string{account + "shop-*", account + "apps/?"}},
		{Namespaces: []string{"*"}, TaskRoles: []string{account + "everybody"}},
	}
	for name, test := range map[string]struct {
		why             string
		namespace, role string
		want            bool
	}{
		"a name and a pattern":       {"as in the example", "shop", account + "shop-orders", true},
		"a namespace's pattern":      {"* stands for any characters", "team-blue", account + "shop-orders", true},
		"* for nothing":              {"as in shells", "team-", account + "shop-", true},
		"everybody":                  {"* alone is every namespace", "kube-system", account + "everybody", true},
		"another table's role":       {"a table grants to its own namespaces", "kube-system", account + "shop-orders", false},
		"a namespace that begins so": {"patterns match the whole", "shopping", account + "shop-orders", false},
		"a role that begins so":      {"patterns match the whole", "shop", account + "everybody-else", false},
		"a path below":               {"* does not cross a /, for roles with a path are other people's", "shop", account + "shop-x/admin", false},
		"one character":              {"? stands for one", "shop", account + "apps/a", true},
		"two characters":             {"? stands for one", "shop", account + "apps/ab", false},
		"another account":            {"it is no part of a pattern", "shop", "arn:aws:iam::210987654321:role/shop-orders", false},
		"capitals":                   {"IAM's names keep their case", "shop", account + "SHOP-orders", false},
		"no namespace":               {"nothing is nobody's", "", account + "shop-orders", false},
		"no role":                    {"nothing to grant", "shop", "", false},
		"a pattern asked for":        {"what pods write is no pattern", "shop", account + "*", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := grants.TaskRole(test.namespace, test.role); got != test.want {
				t.Errorf("granted: %t; %s", got, test.why)
			}
		})
	}
	if providerconfig.Grants(nil).TaskRole("shop", account+"shop-orders") {
		t.Error("no tables grant something")
	}
}

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

func TestWhatElseIsGranted(t *testing.T) {
	grants := providerconfig.Grants{
		{Namespaces: []string{"shop"}, Subnets: []string{"subnet-0a*"}, SecurityGroups: []string{"sg-0b"}, PublicIPv4Address: true},
		{Namespaces: []string{"team-*"}, LogDestinations: []string{"awslogs:/team/*", "splunk:https://*.example.com:8088", "awsfirelens:firehose"}},
	}
	for question, test := range map[string]struct{ got, want bool }{
		"a subnet":                          {grants.Subnet("shop", "subnet-0a1"), true},
		"another subnet":                    {grants.Subnet("shop", "subnet-0b1"), false},
		"another namespace's subnet":        {grants.Subnet("team-a", "subnet-0a1"), false},
		"a security group":                  {grants.SecurityGroup("shop", "sg-0b"), true},
		"a group that is granted as subnet": {grants.SecurityGroup("shop", "subnet-0a1"), false},
		"a public address":                  {grants.PublicAddress("shop"), true},
		"another namespace's address":       {grants.PublicAddress("team-a"), false},
		"a log group":                       {grants.LogDestination("team-a", "awslogs:/team/web"), true},
		"a log group below":                 {grants.LogDestination("team-a", "awslogs:/team/web/secret"), false},
		"a server":                          {grants.LogDestination("team-a", "splunk:https://logs.example.com:8088"), true},
		"a server of others":                {grants.LogDestination("team-a", "splunk:https://logs.example.com.evil.test:8088"), false},
		"a plugin":                          {grants.LogDestination("team-a", "awsfirelens:firehose"), true},
		"another plugin":                    {grants.LogDestination("team-a", "awsfirelens:http"), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: granted %t", question, test.got)
		}
	}
}

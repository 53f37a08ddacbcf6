package address

import (
	"net"
	"net/netip"
	"testing"
)

func TestForContainersStaysOffTheMachinesRoutes(t *testing.T) {
	cases := map[string]struct {
		because string
		routes  []string
		want    string
	}{
		"nothing in the way": {
			because: "the walkthrough's pods have addresses of 10.0.1.x",
			routes:  []string{"192.0.2.0/24", "172.17.0.0/16"},
			want:    "10.0.1.0/24",
		},
		"an instance in a subnet of that very range": {
			because: "a bridge with its addresses would cut off the instance's own SSH",
			routes:  []string{"10.0.1.0/24"},
			want:    "172.29.0.0/24",
		},
		"a route to all of 10": {
			because: "a company network behind a VPN",
			routes:  []string{"10.0.0.0/8"},
			want:    "172.29.0.0/24",
		},
		"another stack beside this one": {
			because: "two stacks run side by side",
			routes:  []string{"10.0.1.0/24", "172.29.0.0/24"},
			want:    "172.29.1.0/24",
		},
		"all of 10 and of 172.16/12": {
			because: "there is a third private range",
			routes:  []string{"10.0.0.0/8", "172.16.0.0/12"},
			want:    "192.168.200.0/24",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			site, err := forContainers(prefixes(c.routes))
			if err != nil {
				t.Fatal(err)
			}
			if got := site.Tasks.String(); got != c.want {
				t.Errorf("want %s, got %s (%s)", c.want, got, c.because)
			}
			if (site.Note == "") != (site.Tasks == wanted) {
				t.Errorf("an unusual range must be told, the usual one not: %s, %q", site.Tasks, site.Note)
			}
			if site.Node != site.Tasks.Addr().Next() {
				t.Errorf("the node must be the gateway of %s, got %s", site.Tasks, site.Node)
			}
		})
	}
}

func TestForContainersSaysWhenNothingIsLeft(t *testing.T) {
	if site, err := forContainers(prefixes([]string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"})); err == nil {
		t.Errorf("every private range is routed elsewhere, got %v", site)
	}
}

func TestAStackOfScriptsCanBeReachedAtItsNode(t *testing.T) {
	site, err := ForScripts(200) // a number that no stack gets
	if err != nil {
		t.Skipf("this machine has only its loopback address: %v", err)
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(site.Node, 0).String())
	if err != nil {
		t.Errorf("nothing can listen at the node's address: %v", err)
	} else {
		listener.Close()
	}
	if site.Node.IsLoopback() || site.Tasks.Contains(site.Node) {
		t.Errorf("node %s must be neither a loopback address nor a task's (%s)", site.Node, site.Tasks)
	}
	if err := site.Release(); err != nil {
		t.Error(err)
	}
}

func prefixes(texts []string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

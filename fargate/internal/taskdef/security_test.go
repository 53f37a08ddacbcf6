package taskdef_test

import (
	"strings"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// An fsGroup takes the place of the image's group only where nobody names a group, and only of users without root's powers.
func TestFSGroupInPlaceOfTheImagesGroup(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		want string // the containers that are named; empty: nothing is said
	}{
		"a user without a group":        {"{securityContext: {runAsUser: 1000, fsGroup: 2000}}", "container c: "},
		"a group for all":               {"{securityContext: {runAsUser: 1000, runAsGroup: 0, fsGroup: 2000}}", ""},
		"the image's user":              {"{securityContext: {fsGroup: 2000}}", ""},
		"root":                          {"{securityContext: {runAsUser: 0, fsGroup: 2000}}", ""},
		"group 0, as images are made":   {"{securityContext: {runAsUser: 1000, fsGroup: 0}}", ""},
		"a user of one of two":          {"{securityContext: {fsGroup: 2000}, containers: [{name: a, image: i}, {name: b, image: i, securityContext: {runAsUser: 5}}]}", "container b: "},
		"two users":                     {"{securityContext: {runAsUser: 1000, fsGroup: 2000}, containers: [{name: a, image: i}, {name: b, image: i}]}", "containers a, b: "},
		"a group of the container's":    {"{securityContext: {runAsUser: 1000, fsGroup: 2000}, containers: [{name: a, image: i, securityContext: {runAsGroup: 0}}]}", ""},
		"a user of an init container's": {"{securityContext: {fsGroup: 2000}, initContainers: [{name: i, image: i, securityContext: {runAsUser: 5}}]}", "container i: "},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, test.spec, &pod.Spec)
			in, _ := resolved(pod, nodeSources())
			said := ""
			for _, f := range taskdef.Check(in) {
				if f.Field == "spec.securityContext.fsGroup" && f.Verdict == taskdef.Warned {
					said += f.Message
				}
			}
			if (said != "") != (test.want != "") || !strings.HasPrefix(said, test.want) {
				t.Errorf("said %q, want it to begin with %q", said, test.want)
			}
		})
	}
}

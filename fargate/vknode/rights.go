package vknode

import (
	"net/http"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// subresources of the node say what a path of the kubelet port is about. Who
// has a right to any of a row's may ask: the fine one, or the former "proxy",
// which also allows exec. What is not listed is "proxy".
//
// Source: kubernetes, pkg/kubelet/server/auth.go (KubeletFineGrainedAuthz).
var subresources = []struct {
	path  string
	anyOf []string
}{
	{"/pods", []string{"pods", "proxy"}},
	{"/runningpods", []string{"pods", "proxy"}},
	{"/healthz", []string{"healthz", "proxy"}},
	{"/configz", []string{"configz", "proxy"}},
	{"/stats", []string{"stats"}},
	{"/metrics", []string{"metrics"}},
	{"/logs", []string{"log"}},
	{"/checkpoint", []string{"checkpoint"}},
	{"/statusz", []string{"statusz"}},
	{"/flagz", []string{"configz"}},
}

var verbs = map[string]string{
	http.MethodGet:    "get",
	http.MethodPost:   "create",
	http.MethodPut:    "update",
	http.MethodPatch:  "patch",
	http.MethodDelete: "delete",
}

// rights are those to the node's sub-resources of which u needs one for the
// request, the finest first. There is at least one.
func rights(u user.Info, node string, r *http.Request) []authorizer.Attributes {
	var rights []authorizer.Attributes
	for _, subresource := range subresourcesFor(r.URL.Path) {
		rights = append(rights, authorizer.AttributesRecord{
			User:            u,
			Verb:            verbs[r.Method],
			APIVersion:      "v1",
			Resource:        "nodes",
			Subresource:     subresource,
			Name:            node,
			ResourceRequest: true,
			Path:            r.URL.Path,
		})
	}
	return rights
}

func subresourcesFor(path string) []string {
	for _, s := range subresources {
		if path == s.path || strings.HasPrefix(path, s.path+"/") {
			return s.anyOf
		}
	}
	return []string{"proxy"}
}

//go:build tools

// What is built of Kubernetes, for go.mod and go.sum to know all that it needs. This file is never
// compiled: the suite takes many minutes of processor time, and no package here imports it.
package main

import (
	_ "k8s.io/kubernetes/test/e2e"
	_ "k8s.io/kubernetes/test/images/agnhost"
)

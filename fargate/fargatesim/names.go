package fargatesim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// hexID returns n random hex digits.
func hexID(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)[:n]
}

// requestID is a random UUID.
func requestID() string {
	h := hexID(32)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// arn is a name in this account and region: arn("ecs", "cluster/demo").
func (s *Server) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, s.config.Region, s.config.Account, resource)
}

// ecsResource takes an ARN of ECS apart: "cluster/demo" gives "cluster" and "demo". ok is false for the ARN of
// another account, region or service, and for what is no ARN.
func (s *Server) ecsResource(arn string) (kind, name string, ok bool) {
	resource, ours := strings.CutPrefix(arn, s.arn("ecs", ""))
	if !ours {
		return "", "", false
	}
	return strings.Cut(resource, "/")
}

// lastPart is what follows the last slash.
func lastPart(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// digestOf is a made-up digest for an image: the same for the same name.
func digestOf(image string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(image))) }

// digits returns n random decimal digits, of which the first is not 0.
func digits(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	b[0] = max(b[0], '1')
	return string(b)
}

// isName reports whether a name of a cluster, family or container is one for ECS.
func isName(name string) bool {
	return len(name) > 0 && len(name) <= 255 && !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	})
}

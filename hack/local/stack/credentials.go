package stack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/virtual-kubelet/aws-fargate/hack/local/pki"
)

// writeCertificates writes what the API server and its clients show each other.
func (s *Stack) writeCertificates() error {
	authority, err := pki.NewAuthority(s.Name)
	if err != nil {
		return err
	}
	s.authority = authority
	server, err := authority.Server("kube-apiserver", s.Site.Node.String(), "localhost", "10.96.0.1",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	kubelets, err := authority.Client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	admin, err := authority.Client("kubernetes-admin", "system:masters")
	if err != nil {
		return err
	}
	tokens, err := pki.NewKey()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt": authority.Certificate, "ca.key": authority.Key, "tokens.key": tokens,
		"apiserver.crt": server.Certificate, "apiserver.key": server.Key,
		"kubelet-client.crt": kubelets.Certificate, "kubelet-client.key": kubelets.Key,
	}
	for name, content := range files {
		if _, err := s.write(filepath.Join("pki", name), content); err != nil {
			return err
		}
	}
	return s.writeAdministrator(admin)
}

// Rates of the client that tests use: they must not wait for themselves.
const (
	clientQPS   = 200
	clientBurst = 400
)

// kubeconfig is that of a user of the cluster.
func (s *Stack) kubeconfig(user string, pair pki.Pair) *clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters[s.Name] = &clientcmdapi.Cluster{Server: s.server, CertificateAuthorityData: s.authority.Certificate}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}
	config.Contexts[s.Name] = &clientcmdapi.Context{Cluster: s.Name, AuthInfo: user}
	config.CurrentContext = s.Name
	return config
}

// writeAdministrator writes the administrator's kubeconfig and makes the client of it.
func (s *Stack) writeAdministrator(pair pki.Pair) error {
	config := s.kubeconfig("admin", pair)
	s.Kubeconfig = filepath.Join(s.Dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, s.Kubeconfig); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	rest, err := clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	rest.QPS, rest.Burst = clientQPS, clientBurst
	s.Kubernetes, err = kubernetes.NewForConfig(rest)
	return err
}

// daemonUser is the user that examples/deploy/rbac.yaml is about, and the name of its node.
const daemonUser = "virtual-kubelet"

// RBAC is examples/deploy/rbac.yaml for the virtual-kubelet of a node: each has a user of its own, by the node's name.
func (s *Stack) RBAC(nodeName string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.config.Examples, "deploy", "rbac.yaml"))
	if err != nil {
		return nil, fmt.Errorf("rights of virtual-kubelet: %w", err)
	}
	return bytes.ReplaceAll(text, []byte(daemonUser), []byte(nodeName)), nil
}

// admit makes the user of a virtual-kubelet, and returns its kubeconfig.
func (s *Stack) admit(ctx context.Context, nodeName string) ([]byte, error) {
	rbac, err := s.RBAC(nodeName)
	if err != nil {
		return nil, err
	}
	if said, err := s.Apply(ctx, bytes.NewReader(rbac)); err != nil {
		return nil, fmt.Errorf("rights of virtual-kubelet: %w: %s", err, said)
	}
	pair, err := s.authority.Client(nodeName)
	if err != nil {
		return nil, err
	}
	return clientcmd.Write(*s.kubeconfig(nodeName, pair))
}

package stack

import (
	"fmt"
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
	return s.writeKubeconfig(authority.Certificate, admin)
}

// Rates of the client that tests use: they must not wait for themselves.
const (
	clientQPS   = 200
	clientBurst = 400
)

// writeKubeconfig writes the administrator's kubeconfig and makes the client of it.
func (s *Stack) writeKubeconfig(authority []byte, admin pki.Pair) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[s.Name] = &clientcmdapi.Cluster{Server: s.server, CertificateAuthorityData: authority}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{ClientCertificateData: admin.Certificate, ClientKeyData: admin.Key}
	config.Contexts[s.Name] = &clientcmdapi.Context{Cluster: s.Name, AuthInfo: "admin"}
	config.CurrentContext = s.Name
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

package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// Limits of the waits. Each is many times what it takes on two idle cores (the API server is
// ready in some six seconds), for machines that do more than this.
const (
	etcdLimit      = 30 * time.Second
	apiServerLimit = 2 * time.Minute
	nodeLimit      = time.Minute
)

// services is the range of the Services' addresses. Nothing is ever sent there: the local
// stack has no kube-proxy.
const services = "10.96.0.0/16"

// startProgram starts a program of the control plane; it ends with the stack.
func (s *Stack) startProgram(name, command string, args ...string) (*process.Process, error) {
	p, err := process.Start(process.Command{
		Name: name,
		Path: filepath.Join(s.config.Bin, "controlplane"),
		Args: append([]string{command}, args...),
		Env:  s.environment(s.Dir),
		Dir:  s.Dir,
		Log:  filepath.Join(s.Dir, name+".log"),
	})
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	s.later(func(context.Context) error { p.Kill(); return nil }) // their data is thrown away: no need to ask
	return p, nil
}

// environment of a program of the stack: nothing of the user's settings and credentials.
func (s *Stack) environment(home string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + filepath.Join(s.Dir, "tmp")}, more...)
}

func (s *Stack) startEtcd(ctx context.Context) error {
	port, err := freePort(loopback)
	if err != nil {
		return err
	}
	peerPort, err := freePort(loopback)
	if err != nil {
		return err
	}
	s.etcd = fmt.Sprintf("http://127.0.0.1:%d", port)
	p, err := s.startProgram("etcd", "etcd", "--data-dir="+filepath.Join(s.Dir, "etcd"),
		"--listen-client-url="+s.etcd, fmt.Sprintf("--listen-peer-url=http://127.0.0.1:%d", peerPort))
	if err != nil {
		return err
	}
	return s.untilWith(ctx, etcdLimit, "etcd is healthy", p, func(ctx context.Context) error {
		return healthy(ctx, s.etcd+"/health")
	})
}

func healthy(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return nil
}

func (s *Stack) startAPIServer(ctx context.Context) error {
	port, err := freePort(s.Site.Node)
	if err != nil {
		return err
	}
	s.server = "https://" + netip.AddrPortFrom(s.Site.Node, uint16(port)).String()
	if err := s.writeCertificates(); err != nil {
		return err
	}
	s.apiServerPort = port
	return s.StartAPIServer(ctx)
}

// StartAPIServer starts the API server, again after StopAPIServer: at the same address, with the same
// data. It returns when the API server is ready.
func (s *Stack) StartAPIServer(ctx context.Context) error {
	p, err := s.startProgram(apiServer, apiServer, s.apiServerFlags(s.apiServerPort)...)
	if err != nil {
		return err
	}
	return s.untilWith(ctx, apiServerLimit, "the API server is ready", p, func(ctx context.Context) error {
		return s.Kubernetes.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

const apiServer = "kube-apiserver"

// StopAPIServer ends the API server at once, as a crash does.
func (s *Stack) StopAPIServer() {
	i := slices.IndexFunc(s.processes, func(p *process.Process) bool { return p.Name == apiServer })
	s.processes[i].Kill()
	s.processes = slices.Delete(s.processes, i, i+1) // it is not missed
}

// apiServerFlags: it listens where both this machine and the tasks' containers reach it.
func (s *Stack) apiServerFlags(port int) []string {
	file := func(name string) string { return filepath.Join(s.Dir, "pki", name) }
	return []string{
		"--etcd-servers=" + s.etcd,
		"--bind-address=" + s.Site.Node.String(),
		"--advertise-address=" + s.Site.Node.String(),
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + file("apiserver.crt"),
		"--tls-private-key-file=" + file("apiserver.key"),
		"--client-ca-file=" + file("ca.crt"),
		"--kubelet-client-certificate=" + file("kubelet-client.crt"),
		"--kubelet-client-key=" + file("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + file("tokens.key"),
		"--service-account-signing-key-file=" + file("tokens.key"),
		"--service-cluster-ip-range=" + services,
		"--authorization-mode=Node,RBAC",
		"--audit-policy-file=" + s.auditPolicy, "--audit-log-path=" + s.AuditLog(),
		"--allow-privileged=true", // the walkthrough's privileged pod stays on an ordinary worker
	}
}

// startNodesAndControllers starts the rest of the control plane and the workers together.
func (s *Stack) startNodesAndControllers(ctx context.Context) error {
	// The default rates of the controllers' clients would let a test wait for them.
	controllers, err := s.startProgram("kube-controller-manager", "kube-controller-manager",
		"--kubeconfig="+s.Kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--kube-api-qps=200", "--kube-api-burst=400",
		"--root-ca-file="+filepath.Join(s.Dir, "pki", "ca.crt"),
		"--service-account-private-key-file="+filepath.Join(s.Dir, "pki", "tokens.key"),
		"--cluster-signing-cert-file="+filepath.Join(s.Dir, "pki", "ca.crt"),
		"--cluster-signing-key-file="+filepath.Join(s.Dir, "pki", "ca.key"))
	if err != nil {
		return err
	}
	if _, err := s.startProgram("kube-scheduler", "kube-scheduler",
		"--kubeconfig="+s.Kubeconfig, "--leader-elect=false", "--secure-port=0"); err != nil {
		return err
	}
	waits, ctx := errgroup.WithContext(ctx)
	for _, name := range s.workers() {
		p, err := s.startWorker(name)
		if err != nil {
			return err
		}
		waits.Go(func() error {
			return s.untilWith(ctx, nodeLimit, "node "+name+" is Ready", p, s.nodeReady(name))
		})
	}
	waits.Go(func() error {
		return s.untilWith(ctx, nodeLimit, "namespace default has its service account", controllers, func(ctx context.Context) error {
			_, err := s.Kubernetes.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
			return err
		})
	})
	return waits.Wait()
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// freePort returns a port that is free now.
func freePort(at netip.Addr) (int, error) {
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

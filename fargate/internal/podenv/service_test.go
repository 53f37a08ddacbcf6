package podenv_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

func service(namespace, name, clusterIP string, ports ...corev1.ServicePort) *corev1.Service {
	s := &corev1.Service{Spec: corev1.ServiceSpec{ClusterIP: clusterIP, Ports: ports}}
	s.Namespace, s.Name = namespace, name
	return s
}

func TestServiceLinks(t *testing.T) {
	http, dns := corev1.ServicePort{Port: 80}, corev1.ServicePort{Name: "dns-udp", Port: 53, Protocol: corev1.ProtocolUDP}
	apiServer := map[string]string{
		"KUBERNETES_SERVICE_HOST": "10.0.0.5", "KUBERNETES_SERVICE_PORT": "6443", "KUBERNETES_SERVICE_PORT_HTTPS": "6443",
		"KUBERNETES_PORT": "tcp://10.0.0.5:6443", "KUBERNETES_PORT_443_TCP": "tcp://10.0.0.5:6443",
		"KUBERNETES_PORT_443_TCP_PROTO": "tcp", "KUBERNETES_PORT_443_TCP_PORT": "6443", "KUBERNETES_PORT_443_TCP_ADDR": "10.0.0.5",
		"KUBERNETES_PORT_6443_TCP":       "tcp://10.0.0.5:6443",
		"KUBERNETES_PORT_6443_TCP_PROTO": "tcp", "KUBERNETES_PORT_6443_TCP_PORT": "6443", "KUBERNETES_PORT_6443_TCP_ADDR": "10.0.0.5",
	}
	for name, test := range map[string]struct {
		why       string
		services  []*corev1.Service
		endpoint  podenv.Endpoint
		container string
		disabled  bool
		want      map[string]string
	}{
		"a Service with two ports": {
			why:      "the first port stands for the Service; names get capitals and underscores",
			services: []*corev1.Service{service("shop", "my-db", "10.96.0.1", http, dns)},
			want: map[string]string{
				"MY_DB_SERVICE_HOST": "10.96.0.1", "MY_DB_SERVICE_PORT": "80", "MY_DB_SERVICE_PORT_DNS_UDP": "53",
				"MY_DB_PORT": "tcp://10.96.0.1:80", "MY_DB_PORT_80_TCP": "tcp://10.96.0.1:80",
				"MY_DB_PORT_80_TCP_PROTO": "tcp", "MY_DB_PORT_80_TCP_PORT": "80", "MY_DB_PORT_80_TCP_ADDR": "10.96.0.1",
				"MY_DB_PORT_53_UDP": "udp://10.96.0.1:53", "MY_DB_PORT_53_UDP_PROTO": "udp",
				"MY_DB_PORT_53_UDP_PORT": "53", "MY_DB_PORT_53_UDP_ADDR": "10.96.0.1",
			}},
		"an IPv6 address": {
			why:      "it stands in brackets before a port",
			services: []*corev1.Service{service("shop", "s", "fd00::1", http)},
			want: map[string]string{
				"S_SERVICE_HOST": "fd00::1", "S_SERVICE_PORT": "80", "S_PORT": "tcp://[fd00::1]:80", "S_PORT_80_TCP": "tcp://[fd00::1]:80",
				"S_PORT_80_TCP_PROTO": "tcp", "S_PORT_80_TCP_PORT": "80", "S_PORT_80_TCP_ADDR": "fd00::1",
			}},
		"Services that announce nothing": {
			why: "headless, without an address, of another namespace, and kubernetes' own unreachable address",
			services: []*corev1.Service{
				service("shop", "headless", "None", http), service("shop", "external", "", http),
				service("other", "far", "10.96.0.2", http), service("default", "kubernetes", "10.96.0.1", http),
			},
			want: map[string]string{}},
		"links switched off": {
			why:      "kubernetes' own variables stay",
			services: []*corev1.Service{service("shop", "s", "10.96.0.1", http)},
			endpoint: podenv.Endpoint{Host: "10.0.0.5", Port: "6443"}, disabled: true,
			want: apiServer},
		"a variable of the pod's": {
			why:      "it is the stronger",
			services: []*corev1.Service{service("shop", "s", "10.96.0.1", http)}, disabled: true,
			endpoint:  podenv.Endpoint{Host: "10.0.0.5", Port: "6443"},
			container: `{env: [{name: KUBERNETES_SERVICE_HOST, value: mine}]}`,
			want:      with(apiServer, "KUBERNETES_SERVICE_HOST", "mine")},
		"expansion": {
			why:       "values may name a Service's variable",
			services:  []*corev1.Service{},
			endpoint:  podenv.Endpoint{Host: "10.0.0.5", Port: "6443"},
			container: `{env: [{name: URL, value: "https://$(KUBERNETES_SERVICE_HOST)"}]}`,
			want:      with(apiServer, "URL", "https://10.0.0.5")},
	} {
		t.Run(name, func(t *testing.T) {
			container := test.container
			if container == "" {
				container = "{}"
			}
			p := pod(t, container)
			p.Spec.EnableServiceLinks = ptr.To(!test.disabled)
			got, _ := podenv.Resolve(p, podenv.Sources{Services: test.services, APIServer: test.endpoint})
			if diff := cmp.Diff(test.want, variables(got.Containers[0])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
			for _, v := range got.Containers[0].Variables {
				if v.ServiceLink && v.Name[:2] == "KU" {
					t.Errorf("%s is marked as dispensable", v.Name)
				}
			}
		})
	}
}

func with(m map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	for k, v := range m {
		if k != name {
			all[k] = v
		}
	}
	return all
}

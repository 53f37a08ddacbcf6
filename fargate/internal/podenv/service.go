package podenv

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

const defaultAPIServerPort = "443"

// serviceLinks are the variables that announce Services: those of the pod's namespace unless the pod
// switches them off, and always kubernetes' own. The latter do not carry the Service's cluster IP, which
// no Fargate task can reach, but the API server's address.
func serviceLinks(pod *corev1.Pod, sources Sources) map[string]Variable {
	links := map[string]Variable{}
	if ptr.Deref(pod.Spec.EnableServiceLinks, corev1.DefaultEnableServiceLinks) {
		for _, service := range linkable(pod.Namespace, sources.Services) {
			announce(links, true, service.Name, service.Spec.ClusterIP, service.Spec.Ports)
		}
	}
	if port, err := strconv.ParseUint(cmp.Or(sources.APIServer.Port, defaultAPIServerPort), 10, 16); err == nil && sources.APIServer.Host != "" {
		announceAPIServer(links, sources.APIServer.Host, int32(port))
	}
	return links
}

// linkable are the namespace's Services with an address of their own, by name; kubernetes is added apart.
func linkable(namespace string, services []*corev1.Service) []*corev1.Service {
	var found []*corev1.Service
	for _, s := range services {
		headless := s.Spec.ClusterIP == "" || s.Spec.ClusterIP == corev1.ClusterIPNone
		isAPIServer := s.Namespace == corev1.NamespaceDefault && s.Name == "kubernetes"
		if s.Namespace == namespace && !headless && !isAPIServer && len(s.Spec.Ports) > 0 {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *corev1.Service) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// announceAPIServer writes kubernetes' variables. Their names keep the Service's port, 443, which is how
// software finds them; their values say the real one.
func announceAPIServer(links map[string]Variable, host string, port int32) {
	announce(links, false, "kubernetes", host, []corev1.ServicePort{{Name: "https", Port: port}})
	if port == 443 {
		return
	}
	for _, part := range []string{"", "_PROTO", "_PORT", "_ADDR"} {
		real := links["KUBERNETES_PORT_"+strconv.Itoa(int(port))+"_TCP"+part]
		real.Name = "KUBERNETES_PORT_443_TCP" + part
		links[real.Name] = real
	}
}

// announce writes the variables of one service: the host and ports as Kubernetes names them, and the
// ones that Docker's links had. The first port stands for the service.
func announce(links map[string]Variable, link bool, service, host string, ports []corev1.ServicePort) {
	prefix := variableName(service)
	set := func(name, value string) { links[name] = Variable{Name: name, Value: value, ServiceLink: link} }
	set(prefix+"_SERVICE_HOST", host)
	for i, port := range ports {
		number := strconv.Itoa(int(port.Port))
		protocol := string(cmp.Or(port.Protocol, corev1.ProtocolTCP))
		url := strings.ToLower(protocol) + "://" + hostPort(host, number)
		if i == 0 {
			set(prefix+"_SERVICE_PORT", number)
			set(prefix+"_PORT", url)
		}
		if port.Name != "" {
			set(prefix+"_SERVICE_PORT_"+variableName(port.Name), number)
		}
		docker := prefix + "_PORT_" + number + "_" + strings.ToUpper(protocol)
		set(docker, url)
		set(docker+"_PROTO", strings.ToLower(protocol))
		set(docker+"_PORT", number)
		set(docker+"_ADDR", host)
	}
}

func variableName(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// hostPort joins an address and a port, with brackets around an IPv6 address.
func hostPort(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

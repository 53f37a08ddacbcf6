package fargate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// FuzzSecretsStaySecret plants values in Secrets, has pods use them in any way that the API lets them, and searches
// everything that leaves the daemon: requests to AWS but for the value itself in Secrets Manager, log lines, events,
// statuses, annotations, answers to virtual-kubelet, metrics.
func FuzzSecretsStaySecret(f *testing.F) {
	for seed := range uint64(15) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		v := &vault{r: rand.New(rand.NewPCG(seed, 0))}
		account := fargatesim.Config{Record: v.record}
		tell(t, account, func(w *world) {
			registry := prometheus.NewRegistry()
			w.metrics, w.log = registry, slog.New(slog.NewJSONHandler(&v.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			v.aws, w.http = w.sim.Client().Transport, &http.Client{Transport: v}
			w.config.ExecutionRoleARN = "arn:aws:iam::123456789012:role/execution"
			w.config.Grants = providerconfig.Grants{{Namespaces: []string{"default"}, LogDestinations: []string{"splunk:https://splunk.test"}}}
			v.plant(w, "1")
			w.start()
			for i := range 3 {
				w.create(v.pod(fmt.Sprintf("pod-%d", i)))
			}
			time.Sleep(10 * time.Minute) // on the bubble's clock: they run, or say why not
			v.plant(w, "2")
			w.create(v.pod("late"))
			time.Sleep(10 * time.Minute)
			v.note(w.all())
			pods, _ := w.provider.GetPods(w.Context())
			families, err := registry.Gather()
			v.note(pods, families, err, w.told(""))
			v.search(t)
		})
	})
}

// vault knows the planted values, and keeps what is said outside.
type vault struct {
	r      *rand.Rand
	tokens []string // a part of each value
	values []string
	aws    http.RoundTripper
	calls  atomic.Int64 // of CreateSecret

	out safeBuffer
}

// safeBuffer may be written to by many.
type safeBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (v *vault) note(said ...any) {
	for _, one := range said {
		text, err := json.Marshal(one)
		fmt.Fprintf(&v.out, "%s %v %+v\n", text, err, one)
	}
}

// record keeps what is sent, but for a value in the one place where it belongs, and what is answered by the others.
func (v *vault) record(e fargatesim.Exchange) {
	if e.Service != "secretsmanager" {
		fmt.Fprintf(&v.out, "%s %s\n", e.Request, e.Response)
		return
	}
	var request map[string]any
	if err := json.Unmarshal(e.Request, &request); err == nil {
		delete(request, "SecretString")
		v.note(request)
	}
}

// RoundTrip is the way to AWS, where now and then Secrets Manager quotes what it refuses, as AWS's validation does.
func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateSecret") || v.calls.Add(1)%3 != 1 {
		return v.aws.RoundTrip(r)
	}
	var request struct{ SecretString string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	answer, err := json.Marshal(map[string]string{"__type": "ValidationException",
		"message": fmt.Sprintf("1 validation error detected: Value '%s' at 'secretString' failed to satisfy constraint", request.SecretString)})
	return &http.Response{StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(bytes.NewReader(answer)), Request: r}, err
}

// plant writes the Secrets of the namespace anew.
func (v *vault) plant(w *world, version string) {
	secrets := w.client.CoreV1().Secrets("default")
	for _, name := range []string{"db", "api"} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid-of-" + "secret", ResourceVersion: version}, Data: map[string][]byte{}}
		for _, key := range []string{"user", "PASSWORD", "tls.key"} {
			secret.Data[key] = []byte(v.value())
		}
		v.plantLogin(secret)
		if version != "1" {
			_ = secrets.Delete(w.Context(), name, metav1.DeleteOptions{})
		}
		if _, err := secrets.Create(w.Context(), secret, metav1.CreateOptions{}); err != nil {
			w.Error(err)
		}
	}
}

// plantLogin makes of a Secret one for registries too, in one of the ways that there are, or a broken one.
func (v *vault) plantLogin(secret *corev1.Secret) {
	entry := map[string]string{"username": "robot", "password": v.value()}
	if v.r.IntN(2) == 0 {
		auth := base64.StdEncoding.EncodeToString([]byte("robot:" + v.value()))
		v.tokens, v.values = append(v.tokens, auth), append(v.values, auth)
		entry = map[string]string{"auth": auth, "identitytoken": v.value()}
	}
	text, err := json.Marshal(map[string]any{"auths": map[string]any{"https://index.docker.io/v1/": entry}})
	if err != nil {
		panic(err) // strings alone
	}
	if v.r.IntN(8) == 0 {
		text = text[:len(text)-1]
	}
	secret.Type, secret.Data[corev1.DockerConfigJsonKey] = corev1.SecretTypeDockerConfigJson, text
}

// value is a new one to plant: a token that occurs nowhere else, among what needs care when it is quoted.
func (v *vault) value() string {
	token := fmt.Sprintf("planted%016x", v.r.Uint64())
	around := []string{"", "\"", "\n", "\\", "$(user)", "ü€", "<&>", "'", "%s", "\xff"}
	value := around[v.r.IntN(len(around))] + token + around[v.r.IntN(len(around))]
	v.tokens, v.values = append(v.tokens, token), append(v.values, value)
	return value
}

// search finds the values, as they are or as somebody might have encoded them; a hash would let others try guesses.
func (v *vault) search(t *testing.T) {
	said := v.out.String()
	for i, token := range v.tokens {
		value := v.values[i]
		sum, sumOfToken := sha256.Sum256([]byte(value)), sha256.Sum256([]byte(token))
		for form, text := range map[string]string{
			"as it is": token, "in hexadecimal": hex.EncodeToString([]byte(token)), "in Base64": base64.StdEncoding.EncodeToString([]byte(value)),
			"hashed": hex.EncodeToString(sum[:])[:32], "hashed in part": hex.EncodeToString(sumOfToken[:])[:32],
		} {
			if at := strings.Index(said, text); at >= 0 {
				t.Errorf("value %q is out, %s: ...%s...", value, form, said[max(0, at-200):min(len(said), at+200)])
			}
		}
	}
}

// pod uses the Secrets in some of all ways.
func (v *vault) pod(name string) *corev1.Pod {
	pod := nginx(name)
	if v.r.IntN(2) == 0 {
		pod.OwnerReferences = nil
	}
	container := &pod.Spec.Containers[0]
	names := []string{"user", "PASSWORD", "URL", "COPY", "LOST"}
	for range v.r.IntN(6) {
		container.Env = append(container.Env, v.variable(names[v.r.IntN(len(names))]))
	}
	if v.r.IntN(3) == 0 {
		container.EnvFrom = []corev1.EnvFromSource{{Prefix: []string{"", "DB_"}[v.r.IntN(2)], SecretRef: &corev1.SecretEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: v.secret()}, Optional: ptr.To(true)}}}
	}
	if v.r.IntN(4) == 0 {
		container.Command, container.Args = []string{"sh", "-c"}, []string{v.text()}
	}
	if v.r.IntN(8) == 0 {
		container.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"check", v.text()}}}}
	}
	pod.Annotations = map[string]string{"note": v.text()}
	if v.r.IntN(3) == 0 {
		pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: v.secret()}, {Name: v.secret()}}
	}
	if v.r.IntN(4) == 0 {
		pod.Annotations["fargate.virtual-kubelet.io/log-driver"] = "splunk"
		pod.Annotations["fargate.virtual-kubelet.io/log-options"] = "splunk-url=https://splunk.test"
		pod.Annotations["fargate.virtual-kubelet.io/log-secret-options"] = "splunk-token=" + v.secret() + "/PASSWORD"
	}
	return pod
}

func (v *vault) secret() string { return []string{"db", "api", "none"}[v.r.IntN(3)] }

func (v *vault) variable(name string) corev1.EnvVar {
	switch v.r.IntN(4) {
	case 0:
		return corev1.EnvVar{Name: name, Value: v.text()}
	case 1:
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}
	}
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: v.secret()}, Key: []string{"user", "PASSWORD", "tls.key", "none"}[v.r.IntN(4)], Optional: ptr.To(v.r.IntN(2) == 0)}}}
}

// text may be expanded from anything.
func (v *vault) text() string {
	parts := []string{"$(user)", "$(PASSWORD)", "$(DB_PASSWORD)", "$$(user)", "postgres://", "@db", "$(URL)", "$("}
	var text strings.Builder
	for range v.r.IntN(4) {
		text.WriteString(parts[v.r.IntN(len(parts))])
	}
	return text.String()
}

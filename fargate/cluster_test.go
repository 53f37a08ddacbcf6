package fargate_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// world is a Kubernetes cluster without an API server, and an AWS account without AWS. Pods live in the
// cache that the provider reads, and the provider's notifications change them there.
type world struct {
	*testing.T
	sim    *fargatesim.Server
	node   string
	config providerconfig.Config
	client *fake.Clientset
	pods   cache.Indexer
	log    *slog.Logger

	namespace string                // whose pods are listed; "": all
	metrics   prometheus.Registerer // nil: none
	http      *http.Client          // the way to AWS; nil: that to the local Fargate
	site      *site                 // what answers probes; nil: nobody does
	begun     func()                // called after Recover, before anything else; nil: nothing
	dead      func() bool           // the process is killed: what it still tells is not heard; nil: never
	revive    func()                // ends that, before the next process

	writing sync.Mutex // held from reading an object to the moment its change is observed: nobody's change is lost

	mu         sync.Mutex // guards all below
	changed    chan struct{}
	version    int
	events     []string
	conditions map[corev1.NodeConditionType]corev1.NodeCondition // of the node
	provider   *fargate.Provider
	stop       func()
}

// tell runs a story in a synctest bubble, against a local Fargate whose clock is the bubble's.
func tell(t *testing.T, sim fargatesim.Config, story func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sim)
		defer w.stopProvider()
		ctx, cancel := context.WithCancel(t.Context())
		var lives errgroup.Group
		lives.Go(func() error { return w.sim.Run(ctx) })
		story(w)
		w.stopProvider()
		cancel()
		if err := lives.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func newWorld(t *testing.T, sim fargatesim.Config) *world {
	config := providerconfig.Default()
	config.Region = "us-east-1"
	config.Subnets = []string{fargatesim.DefaultSubnets[0].ID}
	config.SecurityGroups = []string{fargatesim.DefaultSecurityGroups[0].ID}
	kubeSystem := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem, UID: "5ec2b1f0-cluster"}}
	return &world{
		T: t, node: "virtual-kubelet", conditions: map[corev1.NodeConditionType]corev1.NodeCondition{}, sim: fargatesim.New(sim), config: config, client: fake.NewClientset(kubeSystem),
		pods:    cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}),
		changed: make(chan struct{}), log: slog.New(slog.NewTextHandler(t.Output(), nil)), stop: func() {},
	}
}

// start runs a provider, as a new process would.
func (w *world) start() {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	account, err := w.open(ctx)
	if err != nil {
		w.Fatal(err)
	}
	provider, err := fargate.New(fargate.Config{
		ProbeDial: w.site.dial, Metrics: w.metrics, Namespace: w.namespace, Account: account, Client: w.client, Pods: corev1listers.NewPodLister(w.pods), Events: w,
		Services:  corev1listers.NewServiceLister(cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})),
		Node:      account.Node(fargate.NodeOptions{Name: w.node, InternalIP: "10.0.0.4", Version: "v1.36.6-vk-v1.0.0"}),
		APIServer: fargate.APIServer{Host: "10.0.0.9", Port: "6443"}, Log: w.log,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.provider = provider
	var process errgroup.Group
	process.Go(func() error { return provider.Run(ctx) })
	w.stop = func() {
		cancel()
		if err := process.Wait(); err != nil {
			w.Error(err)
		}
		w.stop = func() {}
	}
	provider.NotifyNodeStatus(ctx, w.takeNode)
	if err := provider.Recover(ctx); err != nil {
		w.Fatal(err)
	}
	if w.begun != nil {
		w.begun()
	}
	for _, pod := range w.all() { // the informer's first list may come before the callback
		provider.Observed(pod)
	}
	synctest.Wait()
	provider.NotifyPods(ctx, w.take)
	for _, pod := range w.all() {
		w.sync(pod)
	}
}

func (w *world) stopProvider() { w.stop() }

// open connects to the local Fargate as the daemon would to AWS.
func (w *world) open(ctx context.Context) (*fargate.Account, error) {
	return fargate.Open(ctx, w.config, w.metrics, w.log, awsconfig.WithHTTPClient(cmp.Or(w.http, w.sim.Client())),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("id", "key", "")))
}

// neighbour is another node of the same cluster, with the same account.
func (w *world) neighbour(node string) *world {
	other := newWorld(w.T, fargatesim.Config{})
	other.sim, other.config, other.node = w.sim, w.config, node
	return other
}

// takeNode is the API server's part in a notification about the node.
func (w *world) takeNode(node *corev1.Node) {
	w.mu.Lock()
	for _, condition := range node.Status.Conditions {
		w.conditions[condition.Type] = condition
	}
	w.mu.Unlock()
	w.announce()
}

func (w *world) nodeCondition(kind corev1.NodeConditionType) corev1.NodeCondition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conditions[kind]
}

// sync is what virtual-kubelet does with a pod it sees: one that is known and has not changed, or is
// over, is left alone.
func (w *world) sync(pod *corev1.Pod) {
	known, _ := w.provider.GetPod(w.Context(), pod.Namespace, pod.Name)
	if known != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return
	}
	if err := w.provider.CreatePod(w.Context(), pod.DeepCopy()); err != nil {
		w.Error(err)
	}
}

// take is the API server's and vknode's part in a notification: status and our annotations are stored, but for those of a
// pod that is over.
func (w *world) take(notified *corev1.Pod) {
	if w.dead != nil && w.dead() {
		return
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	live := w.pod(notified.Namespace, notified.Name)
	if live == nil || live.UID != notified.UID || live.Status.Phase == corev1.PodSucceeded || live.Status.Phase == corev1.PodFailed {
		return
	}
	stored := live.DeepCopy()
	stored.Status, stored.Annotations = notified.Status, notified.Annotations
	for _, condition := range live.Status.Conditions { // what others wrote stays
		if condition.Type == foreignCondition {
			stored.Status.Conditions = append(stored.Status.Conditions, condition)
		}
	}
	if equality.Semantic.DeepEqual(live, stored) {
		return
	}
	w.store(stored)
	w.provider.Observed(stored)
}

// edit changes a pod's object, as its author does, and has that observed.
func (w *world) edit(name string, change func(*corev1.Pod)) {
	w.writing.Lock()
	defer w.writing.Unlock()
	pod := w.pod("default", name).DeepCopy()
	change(pod)
	w.store(pod)
	w.provider.Observed(pod)
}

func (w *world) store(pod *corev1.Pod) {
	w.mu.Lock()
	w.version++
	pod.ResourceVersion = strconv.Itoa(w.version)
	w.mu.Unlock()
	if err := w.pods.Update(pod); err != nil {
		w.Error(err)
	}
	w.announce()
}

func (w *world) announce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) pod(namespace, name string) *corev1.Pod {
	object, ok, _ := w.pods.GetByKey(namespace + "/" + name)
	if !ok {
		return nil
	}
	return object.(*corev1.Pod)
}

func (w *world) all() []*corev1.Pod {
	var pods []*corev1.Pod
	for _, object := range w.pods.List() {
		pods = append(pods, object.(*corev1.Pod))
	}
	return pods
}

// create makes a pod in the cluster, bound to our node, and has it synced.
func (w *world) create(pod *corev1.Pod) *corev1.Pod {
	w.mu.Lock()
	w.version++
	pod.UID = types.UID(fmt.Sprintf("%s-uid-%d", pod.Name, w.version))
	w.mu.Unlock()
	pod.CreationTimestamp = metav1.Now()
	w.store(pod)
	w.sync(pod)
	return pod
}

// remove deletes a pod as kubectl does, waits until nothing of it runs, and takes the object away.
func (w *world) remove(name string) {
	w.Helper()
	pod := w.pod("default", name).DeepCopy()
	w.delete(name, pod.Spec.TerminationGracePeriodSeconds)
	w.await("the end of "+name, func() bool {
		return w.provider.Terminate(w.Context(), pod.UID)
	})
	w.vanish(name)
}

// delete marks a pod as to be deleted, as the API server does, and has that observed: its deletionTimestamp is the end
// of its grace.
func (w *world) delete(name string, grace *int64) {
	w.edit(name, func(pod *corev1.Pod) {
		began := metav1.Now()
		if pod.DeletionTimestamp != nil {
			began = metav1.NewTime(pod.DeletionTimestamp.Add(-time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second))
		}
		end := metav1.NewTime(began.Add(time.Duration(ptr.Deref(grace, 30)) * time.Second))
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &end, ptr.To(ptr.Deref(grace, 30))
	})
}

// vanish takes a pod's object away, whatever runs.
func (w *world) vanish(name string) {
	pod := w.pod("default", name)
	_ = w.pods.Delete(pod)
	w.announce()
	if known, _ := w.provider.GetPod(w.Context(), "default", name); known != nil {
		_ = w.provider.DeletePod(w.Context(), known)
	}
}

// foreignCondition is a readiness gate of a load balancer.
const foreignCondition corev1.PodConditionType = "target-health.elbv2.k8s.aws/web"

// patience is how long a fact may take on the bubble's clock.
const patience = 20 * time.Minute

// await waits for a fact about the pods, looking again at each change and each second.
func (w *world) await(what string, fact func() bool) {
	w.Helper()
	limit := time.After(patience)
	for !fact() {
		if w.dead != nil && w.dead() {
			w.stopProvider()
			w.revive()
			w.start()
			continue
		}
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-time.After(time.Second):
		case <-limit:
			for _, pod := range w.all() {
				w.Logf("%s: %+v", pod.Name, pod.Status)
			}
			w.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// awaitPod waits until a pod satisfies a fact, and returns it.
func (w *world) awaitPod(name, what string, fact func(*corev1.Pod) bool) *corev1.Pod {
	w.Helper()
	w.await("pod "+name+" "+what, func() bool { pod := w.pod("default", name); return pod != nil && fact(pod) })
	return w.pod("default", name)
}

// Event, Eventf and AnnotatedEventf make a world an EventRecorder.
func (w *world) Event(object runtime.Object, kind, reason, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, reason+" "+message)
}

func (w *world) Eventf(object runtime.Object, kind, reason, format string, args ...any) {
	w.Event(object, kind, reason, fmt.Sprintf(format, args...))
}

func (w *world) AnnotatedEventf(object runtime.Object, _ map[string]string, kind, reason, format string, args ...any) {
	w.Eventf(object, kind, reason, format, args...)
}

// told are the events of a reason, or of all for "", as "Reason message", once nothing more is about to be told.
func (w *world) told(reason string) (told []string) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, event := range w.events {
		if reason == "" || strings.HasPrefix(event, reason+" ") {
			told = append(told, event)
		}
	}
	return told
}

// stopAs stops a task as another client of ECS.
func (w *world) stopAs(who, taskARN string) {
	w.Helper()
	client := ecs.New(ecs.Options{Region: "us-east-1", HTTPClient: w.sim.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("other", "key", "")})
	_, err := client.StopTask(w.Context(), &ecs.StopTaskInput{Cluster: &w.config.ClusterName, Task: &taskARN, Reason: &who})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) activeDefinitions() (active int) {
	for _, definition := range w.sim.Definitions() {
		if definition.Status == ecstypes.TaskDefinitionStatusActive {
			active++
		}
	}
	return active
}

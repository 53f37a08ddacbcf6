package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

const (
	namespace = "default"
	limit     = 5 * time.Minute // of every wait
	quiet     = 20 * time.Second
)

// bench goes through the loads and collects figures.
type bench struct {
	*stack.Stack
	journal *journal
	out     io.Writer
	figures []figure
}

// figure is one line of the table.
type figure struct{ what, measured, ideal, note string }

func (b *bench) add(what, measured, ideal, note string) {
	b.figures = append(b.figures, figure{what, measured, ideal, note})
	fmt.Fprintf(b.out, "# %s: %s (ideal %s) %s\n", what, measured, ideal, note)
}

func (b *bench) all(ctx context.Context, replicas []int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pods, err := watch(ctx, b.Kubernetes, b.journal)
	if err != nil {
		return err
	}
	for i, n := range replicas {
		if err := b.load(ctx, pods, n, i == len(replicas)-1); err != nil {
			return err
		}
	}
	p50, p99, count := b.journal.lags()
	b.add("from RUNNING in ECS to Running in the API server", fmt.Sprintf("p50 %s, p99 %s", round(p50), round(p99)), "p50 0.25s, p99 0.5s",
		fmt.Sprintf("%d pods; polled every 0.5s while they change", count))
	return nil
}

// load creates a Deployment, waits until all of it is Running, and deletes it; the last one is looked
// at while it rests.
func (b *bench) load(ctx context.Context, pods *podWatch, n int, last bool) error {
	calls, began := b.Fargate.Calls("RunTask"), time.Now()
	if err := b.create(ctx, n); err != nil {
		return err
	}
	if err := pods.await(ctx, n); err != nil {
		return err
	}
	b.add(fmt.Sprintf("%d replicas Running", n), round(time.Since(began)), round(launchIdeal(n)), fmt.Sprintf("the original's way: %s", round(originalIdeal(n))))
	b.add(fmt.Sprintf("RunTask for %d replicas", n), strconv.Itoa(b.Fargate.Calls("RunTask")-calls), strconv.Itoa(n), "more were throttled")
	if last {
		if err := b.rest(ctx, n); err != nil {
			return err
		}
	}
	began = time.Now()
	if err := b.delete(ctx); err != nil {
		return err
	}
	if err := pods.await(ctx, 0); err != nil {
		return err
	}
	b.add(fmt.Sprintf("%d replicas deleted", n), round(time.Since(began)), round(stopIdeal(n)), "")
	return nil
}

// rest looks at the daemon while nothing happens.
func (b *bench) rest(ctx context.Context, n int) error {
	calls, used, began := b.Fargate.Calls("DescribeTasks"), b.processorTime(), time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(quiet):
	}
	took := time.Since(began)
	polls := took.Seconds() / 5
	b.add(fmt.Sprintf("DescribeTasks a poll of %d pods", n), fmt.Sprintf("%.1f", float64(b.Fargate.Calls("DescribeTasks")-calls)/polls),
		strconv.Itoa(int(math.Ceil(float64(n)/100))), fmt.Sprintf("the original's way: %d", n))
	b.add(fmt.Sprintf("processor time idle with %d pods", n), fmt.Sprintf("%.1f %% of a core", 100*(b.processorTime()-used).Seconds()/took.Seconds()), "below 5 %", "")
	b.add(fmt.Sprintf("resident memory with %d pods", n), fmt.Sprintf("%d MiB", b.residentMiB()), "below 150 MiB", "")
	return nil
}

// launchIdeal: RunTask takes 20 at once and 20 a second (ECS developer guide: Fargate throttling quotas).
func launchIdeal(n int) time.Duration { return seconds(float64(max(n-20, 0)) / 20) }

// stopIdeal: StopTask takes 100 at once and 40 a second (ECS API reference: request throttling).
func stopIdeal(n int) time.Duration { return seconds(float64(max(n-100, 0)) / 40) }

// originalIdeal: one RegisterTaskDefinition a pod, 20 at once and one a second.
func originalIdeal(n int) time.Duration { return seconds(float64(max(n-20, 0))) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func round(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }

// processorTime is what the daemon has used so far (proc(5): utime and stime in hundredths of a second).
func (b *bench) processorTime() time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.Daemon.PID()))
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (b *bench) residentMiB() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.Daemon.PID()))
	for line := range strings.SplitSeq(string(status), "\n") {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(text)[0])
			return kib / 1024
		}
	}
	return 0
}

func (b *bench) create(ctx context.Context, n int) error {
	replicas, labels := int32(n), map[string]string{"app": "bench"}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "bench"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{"type": "virtual-kubelet"},
					Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.7.9", Resources: corev1.ResourceRequirements{
						Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
					}}},
				},
			},
		},
	}
	_, err := b.Kubernetes.AppsV1().Deployments(namespace).Create(ctx, deployment, metav1.CreateOptions{})
	return err
}

func (b *bench) delete(ctx context.Context) error {
	background := metav1.DeletePropagationBackground
	return b.Kubernetes.AppsV1().Deployments(namespace).Delete(ctx, "bench", metav1.DeleteOptions{PropagationPolicy: &background})
}

// print shows the table, and its first and last rows in one line.
func (b *bench) print() {
	fmt.Fprintln(b.out)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\tideal or goal\t")
	for _, f := range b.figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.what, f.measured, f.ideal, f.note)
	}
	w.Flush()
	var line []string
	for _, f := range b.figures {
		line = append(line, f.what+" "+f.measured)
	}
	fmt.Fprintf(b.out, "bench: %s\n", strings.Join(line, "; "))
}

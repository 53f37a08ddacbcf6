package vknode

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node"
	"golang.org/x/time/rate"
	"k8s.io/client-go/util/workqueue"
)

const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
	// A pod that is to go is looked at this often, so its object goes within a
	// second of its task.
	lastDeleteRetry = time.Second
)

// queueLimiter paces what enters one of the core's queues. It is wide enough
// never to be the bottleneck, and knows no per-item delay: the core would also
// apply that to the first try. Retries are paced by keepTrying.
func queueLimiter() workqueue.TypedRateLimiter[any] {
	return &workqueue.TypedBucketRateLimiter[any]{Limiter: rate.NewLimiter(500, 1000)}
}

// keepTrying never gives a key up, where the core does after twenty tries, and
// for good. It is where the core's errors are logged: at the first try and
// every twentieth, the wait for a task's end never.
func keepTrying(log *slog.Logger, queue string, longest time.Duration) node.ShouldRetryFunc {
	return func(ctx context.Context, key string, tries int, _ time.Time, err error) (*time.Duration, error) {
		if tries%20 == 1 && !errors.Is(err, errStillRunning) && ctx.Err() == nil {
			log.Warn("will be tried again", "queue", queue, "key", key, "tries", tries, "error", err)
		}
		delay := retryDelay(tries, longest)
		return &delay, nil
	}
}

// retryDelay doubles from firstRetry up to longest.
func retryDelay(tries int, longest time.Duration) time.Duration {
	delay := firstRetry
	for range tries - 1 {
		if delay *= 2; delay >= longest {
			return longest
		}
	}
	return delay
}

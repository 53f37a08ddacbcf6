package awscall

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// A throttled family never falls under this share of its full rate: it must notice that AWS gives again.
	floorShare = 1.0 / 16
	// How long a family would take from a standstill to its full rate.
	recoveryTime = time.Minute
)

// budget holds the buckets of all families.
type budget struct {
	rates map[Family]allowance

	bucketsMu sync.Mutex
	buckets   map[string]*bucket // by bucketName
}

func newBudget(rates map[Family]allowance) *budget {
	b := &budget{rates: rates, buckets: map[string]*bucket{}}
	for family := range rates {
		if family != Other {
			b.buckets[string(family)] = newBucket(rates[family])
		}
	}
	return b
}

// bucketsOf returns the buckets a call takes from, the narrowest first; there is always one.
func (b *budget) bucketsOf(service, operationName string) []*bucket {
	b.bucketsMu.Lock()
	defer b.bucketsMu.Unlock()
	known, ok := lookup(service, operationName)
	if !ok {
		name := service + " " + string(Other)
		if b.buckets[name] == nil {
			b.buckets[name] = newBucket(b.rates[Other])
		}
		return []*bucket{b.buckets[name]}
	}
	buckets := make([]*bucket, 0, len(known.families))
	for _, family := range known.families {
		buckets = append(buckets, b.buckets[string(family)])
	}
	return buckets
}

// ratesNow returns each bucket's present rate in calls per second, by its name.
func (b *budget) ratesNow(now time.Time) map[string]float64 {
	b.bucketsMu.Lock()
	defer b.bucketsMu.Unlock()
	rates := make(map[string]float64, len(b.buckets))
	for name, bucket := range b.buckets {
		rates[name] = bucket.rateNow(now)
	}
	return rates
}

// bucket is a token bucket whose rate falls when AWS throttles and recovers by itself.
type bucket struct {
	full allowance
	// head is held by the one caller that waits for a token. The others queue behind it in the order they came,
	// so that a rate halved meanwhile holds for them too: a reservation made earlier would keep its old time.
	head chan struct{}

	mu      sync.Mutex // guards what follows
	limiter *rate.Limiter
	cut     time.Time // when the rate was last halved; zero: never
	cutRate float64   // what it was halved to
}

func newBucket(full allowance) *bucket {
	return &bucket{
		full:    full,
		head:    make(chan struct{}, 1),
		limiter: rate.NewLimiter(rate.Limit(full.perSecond), full.burst),
	}
}

// take waits for a token. It returns ctx's error when ctx ends first; no token is used up then.
func (b *bucket) take(ctx context.Context) error {
	select {
	case b.head <- struct{}{}:
		defer func() { <-b.head }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	wait, giveBack := b.reserve(time.Now())
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		giveBack()
		return ctx.Err()
	}
}

// reserve takes a token that may be used after the returned wait, and how to hand it back until then.
func (b *bucket) reserve(now time.Time) (wait time.Duration, giveBack func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limiter.SetLimitAt(now, rate.Limit(b.recovered(now)))
	r := b.limiter.ReserveN(now, 1)
	return r.DelayFrom(now), r.Cancel
}

// throttled halves the rate and empties the bucket, for AWS's own is empty. An answer to a call that began before
// the last halving says nothing new: twenty calls under way at once must not halve it twenty times.
func (b *bucket) throttled(began, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.cut.IsZero() && !began.After(b.cut) {
		return
	}
	b.cutRate = max(b.recovered(now)/2, b.full.perSecond*floorShare)
	b.cut = now
	b.limiter.SetLimitAt(now, rate.Limit(b.cutRate))
	if left := int(b.limiter.TokensAt(now)); left > 0 {
		b.limiter.AllowN(now, left)
	}
}

func (b *bucket) rateNow(now time.Time) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recovered(now)
}

// recovered is the rate at now: the one it was cut to, and what has come back since. It needs mu.
func (b *bucket) recovered(now time.Time) float64 {
	if b.cut.IsZero() {
		return b.full.perSecond
	}
	back := b.full.perSecond * now.Sub(b.cut).Seconds() / recoveryTime.Seconds()
	return min(b.full.perSecond, b.cutRate+back)
}

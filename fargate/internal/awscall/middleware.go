package awscall

import (
	"context"
	"fmt"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// Places of the SDK's own stack that ours stand beside.
const (
	sdkRetry    = "Retry"
	sdkIdentity = "GetIdentity"
)

// addAttempt puts the budget around each attempt of a call: inside the SDK's retryer, so that retries pay too,
// and outside the signing, so that a signature does not age while its call waits.
func (d *Door) addAttempt(stack *middleware.Stack) error {
	attempt := middleware.FinalizeMiddlewareFunc("FargateBudget", d.attempt)
	if _, retries := stack.Finalize.Get(sdkRetry); !retries {
		return stack.Finalize.Add(attempt, middleware.Before)
	}
	return stack.Finalize.Insert(attempt, sdkRetry, middleware.After)
}

func (d *Door) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, md middleware.Metadata, err error,
) {
	service, operationName := called(ctx)
	asked := time.Now()
	buckets := d.budget.bucketsOf(service, operationName)
	for _, b := range buckets {
		if err := b.take(ctx); err != nil {
			return out, md, fmt.Errorf("wait for the budget of %s: %w", actionName(service, operationName), err)
		}
	}
	began := time.Now()
	d.metrics.waited(service, operationName, began.Sub(asked))

	out, md, err = next.HandleFinalize(ctx, in)
	if isThrottle(err) {
		buckets[0].throttled(began, time.Now())
	}
	noteFailure(ctx, err)
	d.metrics.called(service, operationName, resultCode(ctx, err), time.Since(began))
	return out, md, err
}

// addIdentity gives an attempt that found no credentials a type, which the SDK does not.
func (d *Door) addIdentity(stack *middleware.Stack) error {
	if _, identifies := stack.Finalize.Get(sdkIdentity); !identifies {
		return nil
	}
	outside := middleware.FinalizeMiddlewareFunc("FargateIdentity", identity)
	inside := middleware.FinalizeMiddlewareFunc("FargateIdentified", identified)
	if err := stack.Finalize.Insert(outside, sdkIdentity, middleware.Before); err != nil {
		return err
	}
	return stack.Finalize.Insert(inside, sdkIdentity, middleware.After)
}

// noCredentialsError is why an attempt ended before it could be signed.
type noCredentialsError struct{ err error }

func (e *noCredentialsError) Error() string { return e.err.Error() }
func (e *noCredentialsError) Unwrap() error { return e.err }

// passedKey leads to a *bool that tells whether an attempt got past the SDK's look for credentials.
type passedKey struct{}

func identity(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	var passed bool
	out, md, err := next.HandleFinalize(context.WithValue(ctx, passedKey{}, &passed), in)
	if err != nil && !passed && ctx.Err() == nil {
		err = &noCredentialsError{err}
	}
	return out, md, err
}

func identified(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	if passed, ok := ctx.Value(passedKey{}).(*bool); ok {
		*passed = true
	}
	return next.HandleFinalize(ctx, in)
}

// addWholeCall watches how calls end once the SDK has given up retrying: what a retry mends is no trouble.
func (d *Door) addWholeCall(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("FargateHealth", d.wholeCall), middleware.Before)
}

// lastFailureKey leads to an *error: how the last attempt failed that its caller waited for.
type lastFailureKey struct{}

func (d *Door) wholeCall(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	var lastFailure error
	out, md, err := next.HandleInitialize(context.WithValue(ctx, lastFailureKey{}, &lastFailure), in)
	told := err
	if err != nil && ctx.Err() != nil {
		// A caller that leaves, or whose time is up, says nothing about AWS; the attempts before may.
		if told = lastFailure; told == nil {
			return out, md, err
		}
	}
	service, operationName := called(ctx)
	news := d.health.ended(service, operationName, told)
	if d.denials.ended(place{service, operationName}, told, time.Now()) || news {
		if d.changed != nil {
			d.changed()
		}
	}
	return out, md, err
}

// noteFailure keeps err for wholeCall.
func noteFailure(ctx context.Context, err error) {
	if last, ok := ctx.Value(lastFailureKey{}).(*error); ok && err != nil && ctx.Err() == nil {
		*last = err
	}
}

// called returns the SDK's names for the service and operation of a call, such as "ECS" and "RunTask".
func called(ctx context.Context) (service, operationName string) {
	return awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)
}

package vknode

import (
	"errors"
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// logOptions reads what the API server asks of a log. What a kubelet would not
// take is an error, in the words of its validation. Stream is never nil.
func logOptions(query url.Values) (*corev1.PodLogOptions, error) {
	o := &corev1.PodLogOptions{}
	err := errors.Join(
		decode(query, "follow", &o.Follow, runtime.Convert_Slice_string_To_bool),
		decode(query, "previous", &o.Previous, runtime.Convert_Slice_string_To_bool),
		decode(query, "timestamps", &o.Timestamps, runtime.Convert_Slice_string_To_bool),
		decode(query, "sinceSeconds", &o.SinceSeconds, runtime.Convert_Slice_string_To_Pointer_int64),
		decode(query, "sinceTime", &o.SinceTime, metav1.Convert_Slice_string_To_Pointer_v1_Time),
		decode(query, "tailLines", &o.TailLines, runtime.Convert_Slice_string_To_Pointer_int64),
		decode(query, "limitBytes", &o.LimitBytes, runtime.Convert_Slice_string_To_Pointer_int64),
	)
	if err != nil {
		return nil, err
	}
	stream := corev1.LogStreamAll
	if query.Has("stream") {
		stream = query.Get("stream")
	}
	o.Stream = &stream
	return o, validateLogOptions(o).ToAggregate()
}

// decode converts one parameter as a kubelet does; it stays as it is where the
// query has none.
func decode[T any](query url.Values, name string, out *T, convert func(*[]string, *T, conversion.Scope) error) error {
	values, given := query[name]
	if !given {
		return nil
	}
	if err := convert(&values, out, nil); err != nil {
		return fmt.Errorf("unable to decode query: %s: %w", name, err)
	}
	return nil
}

// Source: kubernetes, pkg/apis/core/v1/validation/validation.go,
// ValidatePodLogOptions.
func validateLogOptions(o *corev1.PodLogOptions) (faults field.ErrorList) {
	if o.TailLines != nil && *o.TailLines < 0 {
		faults = append(faults, field.Invalid(field.NewPath("tailLines"), *o.TailLines, "must be greater than or equal to 0"))
	}
	if o.LimitBytes != nil && *o.LimitBytes < 1 {
		faults = append(faults, field.Invalid(field.NewPath("limitBytes"), *o.LimitBytes, "must be greater than 0"))
	}
	switch {
	case o.SinceSeconds != nil && o.SinceTime != nil:
		faults = append(faults, field.Forbidden(field.NewPath(""), "at most one of `sinceTime` or `sinceSeconds` may be specified"))
	case o.SinceSeconds != nil && *o.SinceSeconds < 1:
		faults = append(faults, field.Invalid(field.NewPath("sinceSeconds"), *o.SinceSeconds, "must be greater than 0"))
	}
	switch *o.Stream {
	case corev1.LogStreamAll:
	case corev1.LogStreamStdout, corev1.LogStreamStderr:
		if o.TailLines != nil {
			faults = append(faults, field.Forbidden(field.NewPath(""), "`tailLines` and specific `stream` are mutually exclusive for now"))
		}
	default:
		faults = append(faults, field.NotSupported(field.NewPath("stream"), *o.Stream,
			[]string{corev1.LogStreamAll, corev1.LogStreamStderr, corev1.LogStreamStdout}))
	}
	return faults
}

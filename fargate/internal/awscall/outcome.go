package awscall

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// isThrottle reports whether AWS asked to slow down.
func isThrottle(err error) bool {
	return awserr.IsThrottle(err) || httpStatus(err) == http.StatusTooManyRequests
}

// isCredentials reports whether there were no credentials to sign with, or AWS did not accept them.
func isCredentials(err error) bool {
	var none *noCredentialsError
	return awserr.IsCredentials(err) || errors.As(err, &none)
}

// isUnreachable reports whether no answer came at all.
func isUnreachable(err error) bool {
	var send *smithyhttp.RequestSendError
	var network net.Error
	return errors.As(err, &send) || errors.As(err, &network)
}

func isServerFault(err error) bool { return httpStatus(err) >= http.StatusInternalServerError }

// httpStatus returns the status of AWS's answer; 0 when there was none.
func httpStatus(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// resultCode is an attempt's outcome as metrics label it: "OK", AWS's error code, or what kept AWS from answering.
func resultCode(ctx context.Context, err error) string {
	code := awserr.Code(err)
	switch {
	case err == nil:
		return "OK"
	case code != "":
		return code
	case ctx.Err() != nil:
		return "Canceled"
	case isCredentials(err):
		return ReasonCredentialsInvalid
	case isUnreachable(err):
		return ReasonEndpointUnreachable
	default:
		return "Failed"
	}
}

// awsWords is what AWS, or what kept a call from reaching it, says: without the SDK's wrapping, whose request IDs
// differ from call to call.
func awsWords(err error) string {
	var api smithy.APIError
	var send *smithyhttp.RequestSendError
	var none *noCredentialsError
	switch {
	case errors.As(err, &none):
		return none.Error()
	case errors.As(err, &api) && api.ErrorMessage() != "":
		// EC2 adds a page of encoded text that only sts:DecodeAuthorizationMessage can read.
		words, _, _ := strings.Cut(api.ErrorMessage(), " Encoded authorization failure message:")
		return words
	case api != nil:
		return api.ErrorCode()
	case errors.As(err, &send):
		return send.Err.Error()
	default:
		return err.Error()
	}
}

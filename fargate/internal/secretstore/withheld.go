package secretstore

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// plainCodes are of errors whose messages speak of the call and not of its content, or of no content at all.
var plainCodes = []string{"ResourceExistsException", "InvalidRequestException", "LimitExceededException", "InternalServiceError",
	"EncryptionFailure", "DecryptionFailure"}

// withheld is the error as it may be shown. AWS's validation quotes what it refuses, whole or cut, in encodings of its
// own; so only messages that are not about the content are shown, and of these none that holds one of its values.
// AWS's code stays.
func withheld(err error, content podenv.Value) error {
	if speaksOfTheCall(err) && !shows(err.Error(), content) {
		return err
	}
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		return errors.New("the message is withheld, for it may hold a value")
	}
	return &smithy.GenericAPIError{Code: refusal.ErrorCode(), Fault: refusal.ErrorFault(),
		Message: "AWS's message is withheld, for it may hold a value"}
}

func speaksOfTheCall(err error) bool {
	var refusal smithy.APIError
	return !errors.As(err, &refusal) || slices.Contains(plainCodes, refusal.ErrorCode()) ||
		awserr.IsAccessDenied(err) || awserr.IsThrottle(err) || awserr.IsCredentials(err)
}

// shows tells whether a text holds one of the values, as it is, or as it is written in JSON or in Go.
func shows(text string, content podenv.Value) bool {
	var values map[string]string
	if json.Unmarshal([]byte(content.Reveal()), &values) != nil {
		return true
	}
	for _, value := range values {
		encoded, err := json.Marshal(value)
		for _, form := range []string{value, strings.Trim(string(encoded), `"`), strings.Trim(strconv.Quote(value), `"`)} {
			if err != nil || form != "" && strings.Contains(text, form) {
				return true
			}
		}
	}
	return false
}

package secretstore

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// withheld is the error as it may be shown. AWS's validation quotes what it refuses; a text that holds one of
// the document's values is replaced, and AWS's code stays.
func withheld(err error, content podenv.Value) error {
	if !shows(err.Error(), content) {
		return err
	}
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		return errors.New("the message is withheld, for it may hold a value")
	}
	return &smithy.GenericAPIError{Code: refusal.ErrorCode(), Fault: refusal.ErrorFault(),
		Message: "AWS's message is withheld, for it may hold a value"}
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

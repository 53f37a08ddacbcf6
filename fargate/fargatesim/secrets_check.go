package fargatesim

import (
	"regexp"
	"unicode/utf8"

	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const (
	maxSecret      = 65536 // bytes; Secrets Manager quotas
	maxSecretName  = 512   // characters; API reference: CreateSecret
	maxDescription = 2048  // characters; likewise
)

var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)

func checkSecretName(name string) error {
	if n := len(name); n == 0 || n > maxSecretName {
		return tooLong("name", maxSecretName)
	}
	if !secretName.MatchString(name) {
		return validationException("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	return nil
}

func checkDescription(text *string) error {
	if utf8.RuneCountInString(deref(text)) > maxDescription {
		return tooLong("description", maxDescription)
	}
	return nil
}

// tooLong words a member that is longer than the API model says, or empty.
func tooLong(member string, most int) error {
	return validationException(
		"1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length between 1 and %d", member, most)
}

// check holds the rules for a value; needed says whether there has to be one.
func (v value) check(needed bool) error {
	switch {
	case v.text != nil && v.binary != nil:
		return invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case needed && !v.isGiven():
		return invalidParameter("You must provide either SecretString or SecretBinary.")
	case v.text != nil && (len(*v.text) == 0 || len(*v.text) > maxSecret):
		return tooLong("secretString", maxSecret)
	case v.binary != nil && (len(v.binary) == 0 || len(v.binary) > maxSecret):
		return tooLong("secretBinary", maxSecret)
	case v.isGiven() && v.token == nil: // the SDKs make one; API reference: CreateSecret
		return invalidParameter("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	case v.token != nil && (len(*v.token) < 32 || len(*v.token) > 64):
		return validationException("1 validation error detected: Value at 'clientRequestToken' failed to satisfy constraint: Member must have length between 32 and 64")
	}
	return nil
}

// checkSecretTags holds the rules of tags (API reference: CreateSecret).
func checkSecretTags(tags []smtypes.Tag) error {
	return checkTags(plainTags(secretTag, tags), validationException)
}

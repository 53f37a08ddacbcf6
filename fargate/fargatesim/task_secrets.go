package fargatesim

import (
	"encoding/json"
	"fmt"
	"strings"
)

// secretReference is a valueFrom taken apart: arn:aws:secretsmanager:region:account:secret:name, and then, or not,
// :json-key:version-stage:version-id, each of which may be empty (developer guide: secrets as environment variables).
type secretReference struct{ id, key, stage, version string }

func parseReference(valueFrom string) secretReference {
	parts := strings.Split(valueFrom, ":")
	r := secretReference{id: valueFrom}
	if len(parts) == 10 {
		r = secretReference{strings.Join(parts[:7], ":"), parts[7], parts[8], parts[9]}
	}
	return r
}

// secretFor is the value that a container gets for a valueFrom, in the words of the ECS agent where it gets none.
func (s *Server) secretFor(t *task, valueFrom string) (string, error) {
	r := parseReference(valueFrom)
	text, err := s.secretText(t, r)
	switch {
	case err != nil:
		return "", fmt.Errorf("failed to fetch secret %s from secrets manager: %s: %s status code: 400, request id: %s", r.id, err.Code, err.Message, requestID())
	case text == nil:
		return "", fmt.Errorf("secret %s has no string value", r.id)
	case r.key == "":
		return *text, nil
	}
	return jsonMember(*text, r.key)
}

func (s *Server) secretText(t *task, r secretReference) (*string, *Error) {
	if err := s.mayInTask(t, s.onSecret(access{action: "secretsmanager:GetSecretValue"}, r.id)); err != nil {
		return nil, asError(err)
	}
	x, err := s.usableSecret(r.id)
	if err != nil {
		return nil, asError(err)
	}
	v, err := x.chosen(r.stage, r.version)
	if err != nil {
		return nil, asError(err)
	}
	return v.text, nil
}

// jsonMember is a member of a JSON object as the agent prints it.
func jsonMember(text, key string) (string, error) {
	object := map[string]any{}
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return "", fmt.Errorf("unable to parse the secret as JSON for the key %s", key)
	}
	value, there := object[key]
	if !there {
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", key)
	}
	return fmt.Sprint(value), nil
}

// login is what a registry is shown.
type login struct{ username, password string }

// registryAuth fetches the user name and password of a private registry. The parameter is a secret's name or ARN (API
// reference: RepositoryCredentials); the words are those of the ECS agent (agent/asm) as Fargate wraps them.
func (s *Server) registryAuth(t *task, parameter string) (login, error) {
	text, err := s.secretText(t, secretReference{id: parameter})
	if err != nil {
		return login{}, registryError("asm fetching secret from the service for %s: %s: %s status code: 400, request id: %s", parameter, err.Code, err.Message, requestID())
	}
	var auth struct{ Username, Password string }
	switch {
	case deref(text) == "":
		return login{}, registryError("asm fetching authorization data: empty secrets value")
	case json.Unmarshal([]byte(*text), &auth) != nil:
		return login{}, registryError("asm fetching authorization data: unable to unmarshal secret value, invalid schema")
	case auth.Username == "":
		return login{}, registryError("asm fetching username: AuthorizationData is malformed, empty field")
	case auth.Password == "":
		return login{}, registryError("asm fetching password: AuthorizationData is malformed, empty field")
	}
	return login{auth.Username, auth.Password}, nil
}

func registryError(format string, args ...any) error {
	return resourceError("unable to pull secrets or registry auth: execution resource retrieval failed: unable to get registry auth from asm: service call has been retried 1 time(s): "+format, args...)
}

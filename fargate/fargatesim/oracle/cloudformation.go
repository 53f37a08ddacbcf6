package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Template makes one CloudFormation template of recorded RegisterTaskDefinition requests, the n-th as resource Tn.
func Template(requests [][]byte) ([]byte, error) {
	resources := map[string]any{}
	for i, request := range requests {
		var definition map[string]any
		if err := json.Unmarshal(request, &definition); err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
		resources[fmt.Sprintf("T%d", i)] = map[string]any{"Type": "AWS::ECS::TaskDefinition", "Properties": capitalized(definition)}
	}
	return json.MarshalIndent(map[string]any{"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, "", " ")
}

// renamed are the properties that CloudFormation does not call as ECS does, but for the first letter.
var renamed = map[string]string{
	"efsVolumeConfiguration":     "EFSVolumeConfiguration",
	"fileSystemId":               "FilesystemId",
	"s3filesVolumeConfiguration": "S3FilesVolumeConfiguration",
}

// free are the members whose keys are the user's own.
var free = map[string]bool{"options": true, "dockerLabels": true, "labels": true, "driverOpts": true}

// capitalized is a value with the names of its members as CloudFormation writes them.
func capitalized(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, item := range value {
			capital, special := renamed[name]
			if !special {
				capital = strings.ToUpper(name[:1]) + name[1:]
			}
			if out[capital] = item; !free[name] {
				out[capital] = capitalized(item)
			}
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = capitalized(item)
		}
		return out
	}
	return value
}

// Lint returns what cfn-lint has against a template; empty: nothing. It is ErrAbsent where there is no cfn-lint.
func Lint(ctx context.Context, template []byte) (string, error) {
	program, err := exec.LookPath("cfn-lint")
	if err != nil {
		return "", fmt.Errorf("cfn-lint: %w", ErrAbsent)
	}
	folder, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "template.json")
	if err := os.WriteFile(file, template, 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, program, "--regions", "us-east-1", "--format", "parseable", "--", file).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", fmt.Errorf("run cfn-lint: %w", err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), file, "template.json"), nil
}

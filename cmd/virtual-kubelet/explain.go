package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

const explainHelp = `Tell what would become of the pods in manifests, without a cluster and without an AWS account: what is refused or has no
effect, and what to do about it; the Fargate size and its price; the task definition and the RunTask request. It is
the code that launches pods, up to the first call.

ConfigMaps, Secrets, ServiceAccounts, Services, PersistentVolumeClaims, PersistentVolumes and StorageClasses are taken
from the same files. No value of a Secret is shown.

The exit code is 1 if a pod would not run, and 2 if a file or an argument has to be corrected.`

const explainExample = `  virtual-kubelet explain -f examples/nginx-deployment.yaml
  virtual-kubelet explain -f examples/ --provider-config fargate.toml -o json
  kubectl get deployment web -o yaml | virtual-kubelet explain -f -`

// explainFlags are what "explain" was asked.
type explainFlags struct {
	files          []string
	output         string
	providerConfig string
	nodeName       string
	namespace      string
	all            bool
}

func newExplainCommand(getenv func(string) string) *cobra.Command {
	var asked explainFlags
	cmd := &cobra.Command{
		Use:     "explain -f FILE",
		Short:   "Tell what would become of pods on Fargate, without cluster or account",
		Long:    explainHelp,
		Example: explainExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			explained, err := asked.explain(cmd.InOrStdin())
			if err != nil {
				return err
			}
			if err := printers[asked.output](cmd.OutOrStdout(), cmd.ErrOrStderr(), explained); err != nil {
				return runError{fmt.Errorf("write what was explained: %w", err)}
			}
			return verdict(explained.Pods)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&asked.files, "filename", "f", nil, "manifest `file`, a directory of them, or - for standard input; may be repeated")
	f.StringVarP(&asked.output, "output", "o", "table", "table, yaml or json")
	f.StringVar(&asked.providerConfig, "provider-config", "", "the node's configuration `file`, such as fargate.toml (default: words in capitals stand for what it would say)")
	f.StringVar(&asked.nodeName, "nodename", defaultNodeName(getenv), "name of the node")
	f.StringVarP(&asked.namespace, "namespace", "n", "default", "namespace of what names none")
	f.BoolVar(&asked.all, "all", false, "tell of every field that is set, also of those that are taken care of")
	return cmd
}

// explain reads the files and tells about them.
func (asked explainFlags) explain(stdin io.Reader) (fargate.Explained, error) {
	if printers[asked.output] == nil {
		return fargate.Explained{}, fmt.Errorf("-o: must be table, yaml or json, not %q", asked.output)
	}
	in := fargate.ExplainInput{Namespace: asked.namespace, NodeName: asked.nodeName, All: asked.all}
	if asked.providerConfig != "" {
		config, err := providerconfig.Load(asked.providerConfig)
		if err != nil {
			return fargate.Explained{}, err
		}
		in.Config = &config
	}
	var err error
	if in.Manifests, err = readManifests(asked.files, stdin); err != nil {
		return fargate.Explained{}, err
	}
	return fargate.Explain(in)
}

// verdict is an error that names the pods which would not run.
func verdict(pods []fargate.Explanation) error {
	var bad []string
	for _, p := range pods {
		if !p.Outcome.Fine() {
			bad = append(bad, fmt.Sprintf("%s %s/%s: %s", p.Kind, p.Namespace, p.Name, p.Outcome))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return runError{errors.New(strings.Join(bad, "\n"))}
}

// readManifests reads what -f names; all that cannot be read is told at once.
func readManifests(names []string, stdin io.Reader) ([]fargate.Manifest, error) {
	if len(names) == 0 {
		return nil, errors.New("-f: name a manifest, a directory of them, or - for standard input")
	}
	var manifests []fargate.Manifest
	var faults []error
	for _, name := range names {
		read, err := readName(name, stdin)
		manifests, faults = append(manifests, read...), append(faults, err)
	}
	return manifests, errors.Join(faults...)
}

func readName(name string, stdin io.Reader) ([]fargate.Manifest, error) {
	if name == "-" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("-f -: read standard input: %w", err)
		}
		return []fargate.Manifest{{Name: "standard input", Text: text}}, nil
	}
	paths := []string{name}
	entries, err := os.ReadDir(name)
	if err == nil {
		paths = nil
		for _, entry := range entries {
			if slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) && !entry.IsDir() {
				paths = append(paths, filepath.Join(name, entry.Name()))
			}
		}
		if paths == nil {
			return nil, fmt.Errorf("-f %s: no file *.yaml, *.yml or *.json in this directory; name one that has them", name)
		}
	}
	var manifests []fargate.Manifest
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("-f: %w; name a manifest, a directory of them, or - for standard input", err)
		}
		manifests = append(manifests, fargate.Manifest{Name: path, Text: text})
	}
	return manifests, nil
}

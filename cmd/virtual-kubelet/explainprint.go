package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate"
)

// printers write what was explained, by the name of the form. Notes are no part of a document for machines.
var printers = map[string]func(out, notes io.Writer, explained fargate.Explained) error{
	"table": func(out, _ io.Writer, explained fargate.Explained) error {
		text, err := table(explained)
		return printed(out, text, err)
	},
	"yaml": func(out, notes io.Writer, explained fargate.Explained) error {
		text, err := yaml.Marshal(explained.Pods)
		return printed(out, text, printed(notes, noteLines(explained.Notes), err))
	},
	"json": func(out, notes io.Writer, explained fargate.Explained) error {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err := encoder.Encode(explained.Pods)
		return printed(out, text.Bytes(), printed(notes, noteLines(explained.Notes), err))
	},
}

// printed writes a text unless there was an error in making it.
func printed(out io.Writer, text []byte, err error) error {
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// table is for people: a paragraph for each pod, the notes below.
func table(explained fargate.Explained) ([]byte, error) {
	var text bytes.Buffer
	for _, pod := range explained.Pods {
		fmt.Fprintf(&text, "%s\n", heading(pod))
		findingLines(&text, pod.Findings)
		if pod.Size != nil {
			fmt.Fprintf(&text, "  %s\n", sizeLine(*pod.Size, pod.Replicas))
		}
		for _, request := range []struct {
			title string
			value map[string]any
		}{{"task definition:", pod.TaskDefinition}, {"RunTask:", pod.RunTask}} {
			if request.value == nil {
				continue
			}
			document, err := yaml.Marshal(request.value)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&text, "  %s\n%s", request.title, indented(string(document), "    "))
		}
		text.WriteString("\n")
	}
	text.Write(noteLines(explained.Notes))
	return text.Bytes(), nil
}

// heading is "Deployment default/web (web.yaml:3), 3 pods of spec.template: runs".
func heading(pod fargate.Explanation) string {
	text := fmt.Sprintf("%s %s/%s (%s)", pod.Kind, pod.Namespace, pod.Name, pod.Where)
	switch {
	case pod.Template != "" && pod.Replicas > 1:
		text += fmt.Sprintf(", %d pods of %s", pod.Replicas, pod.Template)
	case pod.Template != "":
		text += ", pod of " + pod.Template
	}
	return text + ": " + string(pod.Outcome)
}

func findingLines(out io.Writer, findings []fargate.Finding) {
	if len(findings) == 0 {
		fmt.Fprintln(out, "  every field is taken care of")
		return
	}
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(columns, "  %s\t%s\t%s\n", f.Verdict, f.Field, f.Message)
	}
	columns.Flush()
}

// sizeLine is "asked for 250m CPU, 256 MiB memory -> Fargate 0.25 vCPU, 512 MiB, $0.0123/h on demand, ...".
func sizeLine(s fargate.ExplainedSize, replicas int) string {
	asked, each := fmt.Sprintf("asked for %s CPU, %s memory", s.RequestedCPU, memory(s.RequestedMemoryMiB)), ""
	if s.Defaulted {
		asked += " ([Defaults] of fargate.toml where the pod does not say)"
	}
	if replicas > 1 {
		each = " each"
	}
	storage := ""
	if s.StorageGiB > 0 {
		storage = fmt.Sprintf(", %d GiB storage", s.StorageGiB)
	}
	price := fmt.Sprintf("$%.4f/h on demand%s, ~$%.4f/h Spot", s.OnDemandHourlyUSD, each, s.SpotHourlyUSD)
	if s.CapacityType == "spot" {
		price = fmt.Sprintf("on Spot ~$%.4f/h%s instead of $%.4f/h on demand", s.SpotHourlyUSD, each, s.OnDemandHourlyUSD)
	}
	return fmt.Sprintf("%s -> Fargate %g vCPU, %s%s, %s, prices of %s",
		asked, float64(s.CPUUnits)/1024, memory(s.MemoryMiB), storage, price, s.PricesOf)
}

func memory(mebibytes int) string {
	if mebibytes >= 1024 && mebibytes%1024 == 0 {
		return fmt.Sprintf("%d GiB", mebibytes/1024)
	}
	return fmt.Sprintf("%d MiB", mebibytes)
}

func indented(text, by string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		lines.WriteString(by + line)
	}
	return lines.String()
}

func noteLines(notes []string) []byte {
	var lines bytes.Buffer
	for _, note := range notes {
		fmt.Fprintf(&lines, "# %s\n", note)
	}
	return lines.Bytes()
}

package taskdef

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	annotationSubnets        = podid.AnnotationPrefix + "subnets"
	annotationSecurityGroups = podid.AnnotationPrefix + "security-groups"
	annotationPublicIP       = podid.AnnotationPrefix + "assign-public-ip"
	annotationUlimits        = podid.AnnotationPrefix + "ulimits"

	maxSubnets        = 16      // API reference: AwsVpcConfiguration
	maxSecurityGroups = 5       // likewise
	maxOpenFiles      = 1048576 // developer guide: Fargate task definition differences, resource limits
)

var (
	subnetID        = regexp.MustCompile(`^subnet-[0-9a-z]+$`)
	securityGroupID = regexp.MustCompile(`^sg-[0-9a-z]+$`)
)

// list reads IDs between commas.
func list(into func(*asks) *[]string, id *regexp.Regexp, most int) func(string, *asks) string {
	return func(text string, a *asks) string {
		var ids []string
		for element := range strings.SplitSeq(text, ",") {
			element = strings.TrimSpace(element)
			switch {
			case !id.MatchString(element):
				return fmt.Sprintf("%s is no ID such as %s0123456789abcdef0", shortened(element), idPrefix(id))
			case slices.Contains(ids, element):
				return element + " is there twice"
			}
			ids = append(ids, element)
		}
		if len(ids) > most {
			return fmt.Sprintf("it names %d, and ECS takes %d at most", len(ids), most)
		}
		*into(a) = ids
		return ""
	}
}

func idPrefix(id *regexp.Regexp) string {
	prefix, _, _ := strings.Cut(strings.TrimPrefix(id.String(), "^"), "[")
	return prefix
}

// choice reads one of a few words.
func choice(into func(*asks) *string, words ...string) func(string, *asks) string {
	return func(text string, a *asks) string {
		if !slices.Contains(words, text) {
			return fmt.Sprintf("%s is none of %s", shortened(text), strings.Join(words, ", "))
		}
		*into(a) = text
		return ""
	}
}

func wantsPublicIP(in Input, asked asks) []string {
	if asked.publicIP == "true" && !in.Settings.AssignPublicIP {
		return []string{"true"}
	}
	return nil
}

type ulimit = ecstypes.Ulimit

// readUlimits reads NAME=SOFT:HARD or NAME=BOTH between commas.
func readUlimits(text string, a *asks) string {
	var limits []ulimit
	for element := range strings.SplitSeq(text, ",") {
		limit, problem := readUlimit(strings.TrimSpace(element))
		if problem != "" {
			return problem
		}
		if slices.ContainsFunc(limits, func(l ulimit) bool { return l.Name == limit.Name }) {
			return string(limit.Name) + " is there twice"
		}
		limits = append(limits, limit)
	}
	a.ulimits = limits
	return ""
}

func readUlimit(text string) (limit ulimit, problem string) {
	name, amounts, _ := strings.Cut(text, "=")
	softText, hardText, both := strings.Cut(amounts, ":")
	if !both {
		hardText = softText
	}
	soft, errSoft := strconv.ParseInt(softText, 10, 32)
	hard, errHard := strconv.ParseInt(hardText, 10, 32)
	limit = ulimit{Name: ecstypes.UlimitName(name), SoftLimit: int32(soft), HardLimit: int32(hard)}
	switch {
	case errSoft != nil || errHard != nil || soft < 0 || hard < 0:
		return limit, fmt.Sprintf("%s is no limit such as nofile=65535:1048576, of numbers from 0 to 2147483647", shortened(text))
	case !slices.Contains(limit.Name.Values(), limit.Name):
		return limit, fmt.Sprintf("%s is no limit that ECS knows, which are %s", shortened(name), joined(limit.Name.Values()))
	case soft > hard:
		return limit, fmt.Sprintf("of %s the soft limit is above the hard one", limit.Name)
	case limit.Name == ecstypes.UlimitNameNofile && hard > maxOpenFiles:
		return limit, fmt.Sprintf("nofile is %d on Fargate at most", maxOpenFiles)
	}
	return limit, ""
}

func ulimitsOf(pod *corev1.Pod) []ecstypes.Ulimit {
	asked, _ := asksOf(pod)
	return asked.ulimits
}

func joined[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}

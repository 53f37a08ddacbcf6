package taskdef

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"k8s.io/utils/ptr"
)

const (
	maxDefinition = 64 * 1024 // bytes; developer guide: Amazon ECS service quotas
	maxFamily     = 255       // characters of [A-Za-z0-9_-]; API reference: RegisterTaskDefinition
	familyDigest  = 16        // hex digits of the digest in a family's name
)

// define builds the definition, with its family and tags, and returns the digest of its content.
func define(in Input, size Size, chosen contents) (*ecs.RegisterTaskDefinitionInput, string) {
	definition := &ecs.RegisterTaskDefinitionInput{
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		NetworkMode:             ecstypes.NetworkModeAwsvpc,
		RuntimePlatform: &ecstypes.RuntimePlatform{
			CpuArchitecture:       cpuArchitecture(in.Settings),
			OperatingSystemFamily: ecstypes.OSFamilyLinux,
		},
		Cpu:                  aws.String(strconv.Itoa(size.CPUUnits)),
		Memory:               aws.String(strconv.Itoa(size.MemoryMiB)),
		EphemeralStorage:     ephemeralStorage(size),
		ExecutionRoleArn:     optional(in.Settings.ExecutionRoleARN),
		ContainerDefinitions: containerDefinitions(in, chosen),
		Volumes:              layoutOf(in).definitionVolumes(in),
	}
	if ptr.Deref(in.Pod.Spec.ShareProcessNamespace, false) {
		definition.PidMode = ecstypes.PidModeTask
	}
	fit(definition.ContainerDefinitions, size)
	sum := sha256.Sum256(wireJSON(definition))
	digest := hex.EncodeToString(sum[:])
	definition.Family = aws.String(family(in, digest))
	definition.Tags = definitionTags(in.Pod, digest, in.Settings.Tags)
	return definition, digest
}

func ephemeralStorage(size Size) *ecstypes.EphemeralStorage {
	if size.StorageGiB == 0 {
		return nil
	}
	return &ecstypes.EphemeralStorage{SizeInGiB: int32(size.StorageGiB)}
}

// family names the definition so that people recognise it and a restarted daemon finds it again: the
// owner's prefix, namespace, owner, and the digest's beginning. The name in the middle gives way where
// there is not room for all of it.
func family(in Input, digest string) string {
	_, name := owner(in.Pod)
	prefix, suffix := in.ID.FamilyPrefix(), "-"+digest[:familyDigest]
	middle := familyText(in.Pod.Namespace + "-" + name)
	return prefix + middle[:min(len(middle), maxFamily-len(prefix)-len(suffix))] + suffix
}

func familyText(text string) string {
	return strings.Map(func(r rune) rune {
		if isLetterOrDigit(r) || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, text)
}

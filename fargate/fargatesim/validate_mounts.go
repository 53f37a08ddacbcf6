package fargatesim

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// checkMounts: each mount names a volume of the task, and each mount and tmpfs has a place of its own: "This path should
// not conflict with any of the container mount paths for volumes" (amazon-ecs-agent: proposals/shmsize-tmpfs.md).
func checkMounts(in *ecs.RegisterTaskDefinitionInput, c ecstypes.ContainerDefinition) error {
	places := map[string]bool{}
	take := func(place string) error {
		switch {
		case !strings.HasPrefix(place, "/"):
			return invalidSetting(c, "containerPath must be absolute: '%s'.", place)
		case places[path.Clean(place)]:
			return invalidSetting(c, "containerPath '%s' is given twice.", place)
		}
		places[path.Clean(place)] = true
		return nil
	}
	for _, m := range c.MountPoints {
		volume := deref(m.SourceVolume)
		if !slices.ContainsFunc(in.Volumes, func(v ecstypes.Volume) bool { return deref(v.Name) == volume }) {
			return invalidSetting(c, "Unknown volume '%s'.", volume)
		}
		if err := take(deref(m.ContainerPath)); err != nil {
			return err
		}
	}
	for _, t := range deref(c.LinuxParameters).Tmpfs {
		if err := take(deref(t.ContainerPath)); err != nil {
			return err
		}
		if err := checkTmpfs(c, t); err != nil {
			return err
		}
	}
	for _, v := range c.VolumesFrom {
		if !hasContainer(in, deref(v.SourceContainer)) {
			return invalidSetting(c, "Unknown container '%s' in volumesFrom.", deref(v.SourceContainer))
		}
	}
	return nil
}

// The mount options of a tmpfs (SDK doc: Tmpfs.MountOptions). AWS lists names alone. They are those that Docker knows
// without a value, and all of those that Docker takes in the form name=value and no other way, but size, which ECS has
// a member for: "one of the mount options for tmpfs allowed by Docker (except size)" (proposals/shmsize-tmpfs.md), which
// MergeTmpfsOptions of moby's pkg/mount checks. So "mode=1777" is taken here, and "mode" alone, which no engine could
// mount, is not. Nobody writes what ECS itself answers to either.
var (
	tmpfsFlags = strings.Fields(`defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime
		diratime nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave relatime norelatime
		strictatime nostrictatime`)
	// tmpfs(5) says what the values are.
	tmpfsValues = map[string]*regexp.Regexp{
		"mode":      regexp.MustCompile(`^[0-7]{3,4}$`),
		"uid":       regexp.MustCompile(`^\d{1,10}$`),
		"gid":       regexp.MustCompile(`^\d{1,10}$`),
		"nr_inodes": regexp.MustCompile(`^\d+[kmgKMG]?$`),
		"nr_blocks": regexp.MustCompile(`^\d+[kmgKMG]?$`),
		"mpol":      regexp.MustCompile(`^(default|local|(prefer|bind|interleave)(=(static|relative))?(:[\d,-]+)?)$`),
	}
)

func checkTmpfs(c ecstypes.ContainerDefinition, t ecstypes.Tmpfs) error {
	if t.Size <= 0 {
		return invalidSetting(c, "The size of the tmpfs at '%s' must be above 0.", *t.ContainerPath)
	}
	for _, option := range t.MountOptions {
		name, value, _ := strings.Cut(option, "=")
		form, takesValue := tmpfsValues[name]
		if !slices.Contains(tmpfsFlags, option) && !(takesValue && form.MatchString(value)) {
			return invalidSetting(c, "Invalid mount option '%s' of the tmpfs at '%s'.", option, *t.ContainerPath)
		}
	}
	return nil
}

package fargatesim

import (
	"slices"
	"strconv"
	"strings"
)

// sizes are the task sizes of Fargate for Linux: CPU units to MiB (developer guide: task CPU and memory).
var sizes = map[int][]int{
	256:   {512, 1024, 2048},
	512:   gigabytes(1, 4, 1),
	1024:  gigabytes(2, 8, 1),
	2048:  gigabytes(4, 16, 1),
	4096:  gigabytes(8, 30, 1),
	8192:  gigabytes(16, 60, 4),
	16384: gigabytes(32, 120, 8),
	32768: {60 * 1024, 120 * 1024, 244 * 1024},
}

func gigabytes(from, to, step int) []int {
	var mib []int
	for gb := from; gb <= to; gb += step {
		mib = append(mib, gb*1024)
	}
	return mib
}

// checkSize holds the table, for the size of a definition or of its overrides.
func checkSize(cpu, memory string) error {
	units, ok := parseCPU(cpu)
	if !ok {
		return clientError("Invalid 'cpu' setting for task.")
	}
	mib, ok := parseMemory(memory)
	if !ok {
		return clientError("Invalid 'memory' setting for task.")
	}
	if !slices.Contains(sizes[units], mib) {
		return clientError("No Fargate configuration exists for given values: %d CPU, %d memory.", units, mib)
	}
	return nil
}

// parseCPU reads the cpu of a task: units ("1024") or vCPUs ("1 vCPU", ".5 vCPU").
func parseCPU(s string) (units int, ok bool) { return parseAmount(s, "vcpu") }

// parseMemory reads the memory of a task: MiB ("2048") or GB ("2 GB", "0.5GB").
func parseMemory(s string) (mib int, ok bool) { return parseAmount(s, "gb") }

// parseAmount reads a number; one with the unit counts 1024 times.
func parseAmount(s, unit string) (int, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if number, found := strings.CutSuffix(s, unit); found {
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		return int(n * 1024), err == nil && n > 0
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}

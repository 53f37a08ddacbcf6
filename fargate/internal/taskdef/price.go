package taskdef

import "cmp"

// Prices are US dollars an hour, on Linux. The zero value stands for USEast1.
type Prices struct {
	VCPU       float64
	MemoryGB   float64
	StorageGiB float64 // above the 20 GiB that are free
}

// PricesOf says where and when the prices below were those of AWS. They change rarely, and Spot's every day.
const PricesOf = "us-east-1, 2026-10"

// USEast1 are the prices on demand, on x86 (AWS Fargate pricing page, read in October 2026).
func USEast1() Prices { return Prices{VCPU: 0.04048, MemoryGB: 0.004445, StorageGiB: 0.000111} }

// ARMUSEast1 are the same on ARM.
func ARMUSEast1() Prices { return Prices{VCPU: 0.03238, MemoryGB: 0.00356, StorageGiB: 0.000111} }

// SpotARMUSEast1 are about those of Fargate Spot on ARM, of which no figure was read: the part of ARMUSEast1 that Spot's
// are on x86.
func SpotARMUSEast1() Prices { return Prices{VCPU: 0.0100, MemoryGB: 0.00110, StorageGiB: 0.000111} }

// SpotUSEast1 are about those of Fargate Spot, which follow supply and demand and lie up to 70 % below the others (a
// figure of January 2024, the last one read). Storage costs the same.
func SpotUSEast1() Prices { return Prices{VCPU: 0.0125, MemoryGB: 0.00137, StorageGiB: 0.000111} }

// HourlyUSD is what an hour of a running task of the size costs.
func (s Size) HourlyUSD(p Prices) float64 {
	p = cmp.Or(p, USEast1())
	return float64(s.CPUUnits)/1024*p.VCPU + float64(s.MemoryMiB)/1024*p.MemoryGB +
		float64(max(s.StorageGiB-freeStorageGiB, 0))*p.StorageGiB
}

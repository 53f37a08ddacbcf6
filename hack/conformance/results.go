package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// What became of a test.
const (
	passed  = "passed"
	failed  = "failed"
	skipped = "skipped"
)

// result is what became of a test. Message is the suite's own words, and empty if it passed.
type result struct {
	State   string
	Message string  `json:",omitempty"`
	Seconds float64 // until it ended, its process included
}

// results are those of all runs so far, by the name of the test. They may be used at once.
type results struct {
	path string
	mu   sync.Mutex // guards all
	all  map[string]result
}

// openResults reads the file; one that is not there has no results.
func openResults(path string) (*results, error) {
	r := &results{path: path, all: map[string]result{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &r.all); err != nil {
		return nil, fmt.Errorf("results of earlier runs: %s: %w", path, err)
	}
	return r, nil
}

// get returns false if the test has no result.
func (r *results) get(name string) (result, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.all[name]
	return found, ok
}

// put notes a result in the file: a run that is killed has lost only what was under way.
func (r *results) put(name string, of result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[name] = of
	text, err := json.MarshalIndent(r.all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.path+".new", text, 0o644); err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	return os.Rename(r.path+".new", r.path)
}

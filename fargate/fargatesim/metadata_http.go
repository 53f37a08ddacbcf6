package fargatesim

import (
	"context"
	"encoding/json"
	"net/http"
)

// A Gauge is a Container that measures itself. One that is none has no statistics.
type Gauge interface {
	// Stats returns what Docker's API calls the stats of the container, and of its network, as JSON.
	Stats(ctx context.Context) ([]byte, error)
}

// Metadata answers what containers ask of their task metadata endpoint, at Config.MetadataURL; ServeHTTP answers it
// too. A path is one container's and cannot be guessed; here, unlike at AWS, it is all that tells who asks.
func (s *Server) Metadata() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v4/{id}", s.metadataOf("container metadata", func(t *task, m *member) any { return s.containerMetadata(t, m) }))
	mux.HandleFunc("GET /v4/{id}/task", s.metadataOf("task metadata", func(t *task, _ *member) any { return s.taskMetadata(t) }))
	mux.HandleFunc("GET /v4/{id}/stats", s.statsOf("container stats", false))
	mux.HandleFunc("GET /v4/{id}/task/stats", s.statsOf("task stats", true))
	return mux
}

// metadataOf answers with a document that is made with mu held.
func (s *Server) metadataOf(what string, document func(*task, *member) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		t, m := s.endpoint(r.PathValue("id"))
		if t == nil {
			noMetadata(w, what)
			return
		}
		answerMetadata(w, document(t, m), nil)
	}
}

// endpoint finds the container whose path it is, in a task whose containers may be alive. The caller holds mu.
func (s *Server) endpoint(id string) (*task, *member) {
	for _, t := range s.order {
		for _, m := range t.members {
			if m.id == id && isBefore(*t.LastStatus, statusDeprovisioning) {
				return t, m
			}
		}
	}
	return nil, nil
}

// noMetadata is the agent's answer to a path that is no container's.
func noMetadata(w http.ResponseWriter, what string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode("V4 " + what + " handler: unable to get task arn from request: unable to get task ARN from v3 endpoint ID")
}

func answerMetadata(w http.ResponseWriter, document any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		document = err.Error()
	}
	_ = json.NewEncoder(w).Encode(document) // a container that went away needs no answer
}

// statsOf answers with the statistics of the container, or, for the whole task, with those of all by their IDs: null
// for one that does not run.
func (s *Server) statsOf(what string, whole bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		gauges, id := s.gauges(r.PathValue("id"), whole)
		stats, err := measure(r.Context(), gauges)
		switch {
		case err == nil && len(stats) == 0:
			noMetadata(w, what)
		case whole:
			answerMetadata(w, stats, err)
		default:
			answerMetadata(w, stats[id], err)
		}
	}
}

// gauges returns what measures the container that asks, or all of its task, by runtime ID, and the ID of the one that asks.
func (s *Server) gauges(endpoint string, whole bool) (map[string]Gauge, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, asking := s.endpoint(endpoint)
	if t == nil {
		return nil, ""
	}
	gauges := map[string]Gauge{}
	for _, m := range t.members {
		if whole || m == asking {
			gauges[t.runtimeID(m)] = m.gauge
		}
	}
	return gauges, t.runtimeID(asking)
}

func (t *task) runtimeID(m *member) string { return or(deref(t.Containers[m.index].RuntimeId), m.id) }

// measure is empty where nothing is measured at all.
func measure(ctx context.Context, gauges map[string]Gauge) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	measured := false
	for id, gauge := range gauges {
		all[id] = nil
		if gauge == nil {
			continue
		}
		stats, err := gauge.Stats(ctx)
		if err != nil {
			return nil, err
		}
		all[id], measured = stats, true
	}
	if !measured {
		return nil, nil
	}
	return all, nil
}

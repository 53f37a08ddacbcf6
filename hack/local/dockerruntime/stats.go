package dockerruntime

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

var _ fargatesim.Gauge = (*run)(nil)

// Stats are the engine's of the container, with those of the task's network, which the pause container has.
func (r *run) Stats(ctx context.Context) ([]byte, error) {
	own, err := r.stats(ctx, r.id)
	if err != nil {
		return nil, err
	}
	shared, err := r.stats(ctx, r.pause)
	if err != nil {
		return nil, err
	}
	if networks, ok := shared["networks"]; ok {
		own["networks"] = networks
	}
	if own["id"], err = json.Marshal(r.name); err != nil {
		return nil, err
	}
	return json.Marshal(own)
}

func (r *run) stats(ctx context.Context, id string) (map[string]json.RawMessage, error) {
	answer, err := r.docker.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return nil, fmt.Errorf("statistics of container %s: %w", id, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("statistics of container %s: %w", id, err)
	}
	members := map[string]json.RawMessage{}
	return members, json.Unmarshal(text, &members)
}

//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"

	core "github.com/docker-bluegreen/docker-bluegreen/swarm"
)

type status = core.Status

func (s *stack) networkLabels() (map[string]map[string]string, error) {
	list, err := s.engine.NetworkList(context.Background(), network.ListOptions{})
	labels := map[string]map[string]string{}
	for _, n := range list {
		labels[n.Name] = n.Labels
	}
	return labels, err
}

func (s *stack) configLabels(ctx context.Context) (map[string]map[string]string, error) {
	list, err := s.engine.ConfigList(ctx, swarm.ConfigListOptions{})
	labels := map[string]map[string]string{}
	for _, c := range list {
		labels[c.Spec.Name] = c.Spec.Labels
	}
	return labels, err
}

func (s *stack) secretLabels(ctx context.Context) (map[string]map[string]string, error) {
	list, err := s.engine.SecretList(ctx, swarm.SecretListOptions{})
	labels := map[string]map[string]string{}
	for _, x := range list {
		labels[x.Spec.Name] = x.Spec.Labels
	}
	return labels, err
}

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

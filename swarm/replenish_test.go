package swarm

import (
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// A command that ended between the two writes of Unstick left fewer replicas: the next one gives
// them back, whichever it is. What a hand has scaled since stays.
func TestReplicasLeftReduced(t *testing.T) {
	for _, tc := range []struct {
		name    string
		reduced string
		command func(m *memory) error
		want    int
	}{
		{"up", "2 of 3", func(m *memory) error { return m.up(version("2")) }, 3},
		{"flip", "2 of 3", func(m *memory) error { return m.operator().Flip(m.t.Context(), flipOptions) }, 3},
		{"rollback", "2 of 3", (*memory).rollback, 3},
		{"scaled by hand since", "1 of 3", func(m *memory) error { return m.up(version("2")) }, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.byHand("shop_web-green", func(s *api.ServiceSpec) {
					scale(2)(s)
					label(cluster.LabelReduced, tc.reduced)(s)
				})
				m.must(tc.command(m))
				m.calm()
				green := m.Service("shop_web-green")
				if got := green.ServiceStatus.RunningTasks; got != uint64(tc.want) || green.Spec.Labels[cluster.LabelReduced] != "" {
					m.t.Errorf("green has %d tasks, want %d; labels %v", got, tc.want, green.Spec.Labels)
				}
			})
		})
	}
}

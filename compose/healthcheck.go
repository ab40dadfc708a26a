package compose

import (
	"errors"
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
)

// warnHealthcheck warns of a list that the engine does not understand: the task stays starting for
// good.
func (m *model) warnHealthcheck(s types.ServiceConfig) {
	if check := s.HealthCheck; check != nil && len(check.Test) > 0 && !slices.Contains([]string{"NONE", "CMD", "CMD-SHELL"}, check.Test[0]) {
		m.warnf(s.Name, "healthcheck.test: the list begins with %q, and the engine never runs such a check: begin it with CMD or CMD-SHELL, or write one text",
			check.Test[0])
	}
}

func healthcheck(check *types.HealthCheckConfig) (*container.HealthConfig, error) {
	if check == nil {
		return nil, nil
	}
	if check.Disable {
		if len(check.Test) > 0 {
			return nil, errors.New("test and disable exclude each other: keep one of them")
		}
		return &container.HealthConfig{Test: []string{"NONE"}}, nil
	}
	health := &container.HealthConfig{
		Test:          check.Test,
		Timeout:       orZero(check.Timeout),
		Interval:      orZero(check.Interval),
		StartPeriod:   orZero(check.StartPeriod),
		StartInterval: orZero(check.StartInterval),
	}
	if check.Retries != nil {
		health.Retries = int(*check.Retries)
	}
	return health, nil
}

func duration(d *types.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	out := time.Duration(*d)
	return &out
}

func orZero(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}

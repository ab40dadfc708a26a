package plugin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// A watch shows each look, with the figures of a guard, until it is interrupted: that is no
// failure. A look that fails is shown, unless it is the first.
func TestWatch(t *testing.T) {
	looks := func(t *testing.T, fail int) (string, error) {
		var out string
		var err error
		synctest.Test(t, func(t *testing.T) {
			h := newHarness()
			ctx, interrupt := context.WithCancel(t.Context())
			n := 0
			h.op = fakeOperator{status: func(_ context.Context, live bool, _ ...string) (*swarm.Status, error) {
				if n++; n == fail {
					return nil, errors.New("no leader")
				}
				if n == 3 {
					interrupt()
				}
				s := shopStatus()
				s.Services[1].Proxies = []swarm.ProxyStatus{{Task: "shop_web.1", Node: "n1", Active: "green", Sequence: 8,
					Figures: map[string]swarm.ProxyFigures{"green": {Requests: 40 * n, Failed: n, Milliseconds: 31}}}}
				return s, nil
			}}
			err = h.app.watchStatus(ctx, "shop", statusOptions{live: true, watch: true, format: format{text: formatTable}})
			out = h.out.String()
		})
		return out, err
	}
	out, err := looks(t, 2)
	if err != nil || strings.Count(out, "PROXY OF WEB") != 1 || !strings.Contains(out, "green 2.5 % of 40 failed, 31 ms") || !strings.Contains(out, "no leader") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := looks(t, 1); err == nil {
		t.Error("the first look failed, and the watch says nothing")
	}
}

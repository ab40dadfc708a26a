package swarm

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// A call that fails, once before it is carried out or after, or with the two that follow: whichever
// it is, traffic goes where it went or to the new version, what takes it is not stopped, and the
// same command finishes.
func TestEachWriteFailsOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range changes() {
		for _, how := range []struct {
			name  string
			after bool
			times int32 // as often as labels are tried to be written, so that they stay unwritten
		}{{"before", false, 1}, {"after", true, 1}, {"three", false, 3}} {
			for n := 1; ; n++ {
				failed, ran := "", false
				t.Run(fmt.Sprintf("%s/%s/%d", tc.name, how.name, n), func(t *testing.T) {
					ran = true
					inMemory(t, func(m *memory) {
						for _, c := range tc.before {
							m.must(c(m.t.Context(), m))
						}
						defer m.watchRouter()()
						var count atomic.Int32 // calls come side by side
						var first sync.Once
						fail := func(call, object string) error {
							if at := count.Add(1); at >= int32(n) && at < int32(n)+how.times {
								first.Do(func() { failed = call + " " + object })
								return errors.New("unexpected EOF")
							}
							return nil
						}
						if how.after {
							m.After = fail
						} else {
							m.Before = fail
						}
						err := tc.command(m.t.Context(), m)
						m.Before, m.After = nil, nil
						if m.Service("shop_web") != nil {
							m.untouched(failed, err, tc.images)
						}
						if err == nil {
							return
						}
						m.t.Logf("%s failed: %v", failed, err)
						m.finishes(tc.command, tc.color)
					})
				})
				if failed == "" {
					if ran && n <= tc.writes {
						t.Errorf("%s makes only %d writes", tc.name, n-1)
					}
					break
				}
			}
		}
	}
}

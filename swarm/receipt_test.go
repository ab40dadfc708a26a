package swarm

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// A command that moves traffic says what the proxies have counted meanwhile, and the history keeps
// it. One that moves nothing says nothing.
func TestReceipt(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.forget()
		var receipts []cluster.Event
		o := New(m.Engine(), "shop", func(e cluster.Event) {
			if e.Receipt != nil {
				receipts = append(receipts, e)
			}
		})
		m.must(o.Flip(m.t.Context(), plan.FlipOptions{}))
		if len(receipts) != 1 || receipts[0].Service != "web" {
			t.Fatalf("the receipts are %+v", receipts)
		}
		r := receipts[0].Receipt
		one := r.Colors["blue"]
		if one.Requests < 10 || one.Requests != r.Colors["green"].Requests || one.Failed != 2 || r.Held != 4 || r.Slowest == nil || *r.Slowest != 30 {
			t.Errorf("the receipt is %+v", r)
		}
		if len(r.Proxies) != 2 || r.Proxies[0].Told == nil || *r.Proxies[0].Told != 1 || r.Proxies[0].Requests != one.Requests || !strings.HasPrefix(r.Proxies[0].Task, "shop_web.") {
			t.Errorf("its proxies are %+v", r.Proxies)
		}
		if text := receipts[0].Text; !strings.Contains(text, "requests meanwhile (blue ") || !strings.HasSuffix(text, ", 4 failed, 4 waited, the slowest took 30 ms") {
			t.Errorf("the text is %q", text)
		}
		h, err := m.operator().History(m.t.Context(), nil)
		m.must(err)
		if i := slices.IndexFunc(h.Releases, func(r ReleaseHistory) bool { return r.Outcome == outcomeActive }); i < 0 || !strings.Contains(h.Releases[i].Log[len(h.Releases[i].Log)-1].Receipt, "requests meanwhile") {
			t.Errorf("the history is %+v", h.Releases)
		}
		m.must(o.Flip(m.t.Context(), plan.FlipOptions{To: "blue"}))
		m.must(o.Promote(m.t.Context(), plan.FlipOptions{}))
		if len(receipts) != 1 {
			t.Errorf("the receipts are %+v", receipts)
		}
	})
}

package traffic

import (
	"cmp"
	"fmt"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// past is what the history says of a move that every proxy has confirmed.
func (m *Move) past() []cluster.Past {
	to := cluster.Color(m.To.Color)
	entry := func(c cluster.Color, what cluster.What, text string) cluster.Past {
		p := cluster.Past{Service: m.Service.Name, Entry: cluster.Entry{What: what, Text: text, Route: m.To.Sequence}}
		if svc := m.Service.Colors[c]; svc != nil {
			p.Number = cluster.ReleaseOf(svc.Spec)
		}
		return p
	}
	switch flips := m.From.Color != m.To.Color || m.resumed && !m.Service.NextByShare(); {
	case m.To.Tripped && (m.From != m.To || m.resumed):
		return []cluster.Past{entry(to.Other(), cluster.TakenBack, m.reason())}
	case flips:
		left := entry(to.Other(), cluster.Activated, "")
		left.Missing, left.Route = true, m.From.Sequence
		past := []cluster.Past{entry(to, cluster.Activated, ""), left}
		if m.Rollback {
			past = append(past, entry(to.Other(), cluster.SentBack, m.Cause))
		}
		return past
	case m.From.State != m.To.State:
		return []cluster.Past{entry(to, cluster.StateSet, cmp.Or(m.To.State.Word(), "live"))}
	case m.From.Share > 0 && m.To.Share == 0 && m.Rollback:
		return []cluster.Past{entry(to.Other(), cluster.SentBack, m.Cause)}
	case m.From.Share != m.To.Share, m.resumed && m.To.Share > 0:
		return []cluster.Past{entry(to.Other(), cluster.GotShare, fmt.Sprintf("%d %%", m.To.Share))}
	case m.From.Guard.On && !m.To.Guard.On:
		return []cluster.Past{entry(to, cluster.Kept, "")}
	}
	return nil
}

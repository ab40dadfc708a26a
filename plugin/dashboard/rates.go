package dashboard

import (
	"slices"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// keptRates is how many rates of a service are kept: some minutes.
const keptRates = 60

// longestGap is the longest time between two looks that are compared.
const longestGap = time.Minute

// freshFor is how long the newest rate is what happens now.
const freshFor = 20 * time.Second

// rate is what the proxies of a service answered each second, between two looks.
type rate struct {
	// At is when the second look ended.
	At time.Time `json:"at"`
	// Colors are keyed by color.
	Colors map[string]colorRate `json:"colors"`
}

// colorRate counts requests each second.
type colorRate struct {
	Requests float64 `json:"requests"`
	Failed   float64 `json:"failed"`
}

// meter makes rates of what proxies count.
type meter struct {
	now  func() time.Time
	at   time.Time
	last map[string]map[string]swarm.ProxyCount // by proxy and color
	kept map[string][]rate                      // by service
}

func newMeter(now func() time.Time) meter { return meter{now: now, kept: map[string][]rate{}} }

// add takes in what the proxies said. One that was not asked before, or that began anew, says
// nothing about the time between.
func (m *meter) add(s *swarm.Status) {
	at, seen := m.now(), map[string]map[string]swarm.ProxyCount{}
	seconds := at.Sub(m.at).Seconds()
	for _, svc := range s.Services {
		colors := map[string]colorRate{}
		for _, p := range svc.Proxies {
			if p.Counted == nil {
				continue
			}
			key := svc.Name + " " + p.Task + " " + p.Address
			seen[key] = p.Counted
			before := m.last[key]
			if before == nil || seconds <= 0 || seconds > longestGap.Seconds() || fewer(p.Counted, before) {
				continue
			}
			for color, n := range p.Counted {
				c := colors[color]
				c.Requests += float64(n.Requests-before[color].Requests) / seconds
				c.Failed += float64(n.Failed-before[color].Failed) / seconds
				colors[color] = c
			}
		}
		if len(colors) > 0 {
			all := append(m.kept[svc.Name], rate{At: at.UTC(), Colors: colors})
			m.kept[svc.Name] = all[max(0, len(all)-keptRates):]
		}
	}
	m.at, m.last = at, seen
}

// rates are those of all services that have some of now.
func (m *meter) rates() map[string][]rate {
	out := map[string][]rate{}
	for name, list := range m.kept {
		if m.fresh(list[len(list)-1].At) {
			out[name] = slices.Clone(list)
		}
	}
	return out
}

// fresh says whether what was seen then is what happens now.
func (m *meter) fresh(at time.Time) bool { return m.now().Sub(at) <= freshFor }

// fewer says whether a counter went back: the proxy is another one by now.
func fewer(now, before map[string]swarm.ProxyCount) bool {
	for color, n := range before {
		if now[color].Requests < n.Requests || now[color].Failed < n.Failed {
			return true
		}
	}
	return false
}

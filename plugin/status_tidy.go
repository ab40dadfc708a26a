package plugin

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// tidy brings what the proxies said into one order, and puts an empty list or object, never null,
// where there is nothing: scripts go over them without asking first.
func tidy(s *swarm.Status) {
	if s.Services == nil {
		s.Services = []swarm.ServiceStatus{}
	}
	if s.Drift == nil {
		s.Drift = []string{}
	}
	for _, service := range s.Services {
		for i := range service.Proxies {
			tidyProxy(&service.Proxies[i])
		}
	}
}

func tidyProxy(p *swarm.ProxyStatus) {
	if p.InFlight == nil {
		p.InFlight = map[string]int{}
	}
	if p.Servers == nil {
		p.Servers = []swarm.ServerStatus{}
	}
	slices.SortStableFunc(p.Servers, func(a, b swarm.ServerStatus) int {
		return cmp.Or(cmp.Compare(a.Color, b.Color), cmp.Compare(a.Port, b.Port), compareAddresses(a.Address, b.Address))
	})
}

// compareAddresses orders by number, so that 10.0.0.9 comes before 10.0.0.10.
func compareAddresses(a, b string) int {
	ipA, errA := netip.ParseAddr(a)
	ipB, errB := netip.ParseAddr(b)
	if errA != nil || errB != nil {
		return strings.Compare(a, b)
	}
	return ipA.Compare(ipB)
}

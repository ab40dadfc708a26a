package haproxy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// One proxy that cannot be reached keeps all from being told; without conditions the others are
// told.
func TestUnreachable(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		gone := &running{addr: s.addr(9)}
		if met, unmet := s.until(time.Second, Condition{Color: Green, Want: Ready, Addrs: []string{s.addr(21)}}, a, gone, b); met || !lacks(unmet, "", "unreachable") {
			t.Errorf("met %t, %+v", met, unmet)
		}
		report, _ := s.order(Order{Proxies: s.proxies(a, gone, b), Routes: map[string]Route{"web": {Sequence: 2, Color: Green}}})
		for i, told := range []bool{true, false, true} {
			p := report.Proxies[i]
			if confirms(p, Route{Sequence: 2, Color: Green}) != told || (p.Unreachable != "") == told || !told && p.Outcome != "" {
				t.Errorf("%s: outcome %q, unreachable %q", p.Addr, p.Outcome, p.Unreachable)
			}
		}
	})
}

// An order of nonsense ends with the cause instead of running again for ever.
func TestOrderError(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		dir := h.dir(t, func(dir string) map[string]string {
			files, _ := render(view{Proxy: Proxy{dir: dir}}, "order.cfg", "order.lua")
			return files
		})
		out, err := h.command(OrderCommand(), dir, orderEnv("dance web")...).Output()
		report := &Report{}
		for line := range strings.Lines(string(out)) {
			report.Add(line)
		}
		if err != nil || !strings.Contains(report.Err, "dance web") || report.Done {
			t.Errorf("%v, %+v, printed %q", err, report, fmt.Sprint(string(out)))
		}
	})
}

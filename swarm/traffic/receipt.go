package traffic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// receipts are what the proxies have counted while a command worked, from all of their answers.
type receipts struct {
	mu      sync.Mutex
	proxies map[string]*counting // by task id
	moved   map[string]bool      // services whose traffic the command has moved
}

// counting is what one proxy has counted.
type counting struct {
	at    cluster.ProxyTask
	first haproxy.Counters // when a job of this command asked it first
	last  haproxy.Counters
	told  bool
	took  time.Duration // from when the first proxy of the order was told to this one's answer
}

func newReceipts() *receipts {
	return &receipts{proxies: map[string]*counting{}, moved: map[string]bool{}}
}

// add takes in what proxies answered. Proxies of former versions do not say what they have counted.
func (r *receipts) add(proxies []cluster.ProxyTask, a *Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range proxies {
		for _, report := range a.Proxies {
			if report.Addr != p.Addr || report.Service != p.Service || report.Ended.Colors == nil {
				continue
			}
			c := r.proxies[p.ID]
			if c == nil {
				c = &counting{at: p, first: report.Began}
				if c.first.Colors == nil {
					c.first = report.Ended
				}
				r.proxies[p.ID] = c
			}
			c.last = report.Ended
			if report.Outcome == haproxy.Taken {
				c.told, c.took = true, report.Acknowledged
			}
		}
	}
}

func (r *receipts) move(service string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moved[service] = true
}

// of is the receipt of a service; nil if its proxies do not count.
func (r *receipts) of(service string) *cluster.Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &cluster.Receipt{Colors: map[string]cluster.ReceiptColor{}, Proxies: []cluster.ReceiptProxy{}}
	for _, id := range slices.Sorted(maps.Keys(r.proxies)) {
		c := r.proxies[id]
		if c.at.Service != service {
			continue
		}
		p := cluster.ReceiptProxy{Task: c.at.Name, Node: c.at.Node}
		if c.told {
			p.Told = new(float64(c.took.Microseconds()) / 1000)
		}
		for color, last := range c.last.Colors {
			first := c.first.Colors[color]
			requests, failed := last.Requests-first.Requests, last.Failed-first.Failed
			p.Requests += requests
			p.Failed += failed
			sum := out.Colors[color]
			out.Colors[color] = cluster.ReceiptColor{Requests: sum.Requests + requests, Failed: sum.Failed + failed}
			if slowest := last.Slowest.Milliseconds(); last.Slowest > first.Slowest && (out.Slowest == nil || slowest > *out.Slowest) {
				out.Slowest = new(slowest)
			}
		}
		out.Held += c.last.Held - c.first.Held
		out.Proxies = append(out.Proxies, p)
	}
	if len(out.Proxies) == 0 {
		return nil
	}
	cluster.SortBy(out.Proxies, func(a, b *cluster.ReceiptProxy) int { return strings.Compare(a.Task, b.Task) })
	return out
}

// TellReceipts tells of each service whose traffic the command has moved what its proxies have
// counted since the command asked them first.
func (sw *Switch) TellReceipts() {
	sw.receipts.mu.Lock()
	moved := slices.Sorted(maps.Keys(sw.receipts.moved))
	clear(sw.receipts.moved)
	sw.receipts.mu.Unlock()
	for _, service := range moved {
		if r := sw.receipts.of(service); r != nil {
			sw.Receipt(service, r, inWords(r))
		}
	}
}

// inWords is a receipt in one line.
func inWords(r *cluster.Receipt) string {
	total, failed := 0, 0
	var parts []string
	for _, c := range cluster.Colors {
		n := r.Colors[string(c)]
		total, failed = total+n.Requests, failed+n.Failed
		if n.Requests > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", c, n.Requests))
		}
	}
	if total == 0 {
		return "no request came in the short time that was counted"
	}
	text := fmt.Sprintf("%s meanwhile (%s), %d failed", cluster.Count(total, "request"), strings.Join(parts, ", "), failed)
	if r.Held > 0 {
		text += fmt.Sprintf(", %d waited", r.Held)
	}
	if r.Slowest != nil {
		text += fmt.Sprintf(", the slowest took %d ms", *r.Slowest)
	}
	return text
}

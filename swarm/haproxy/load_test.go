package haproxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// load asks proxies all the time, over connections new and kept.
type load struct {
	t        testing.TB
	done     chan struct{}
	workers  sync.WaitGroup
	answered atomic.Int64
	// expect is the color since the last order ended, with a number that grows with each order.
	expect atomic.Pointer[expectation]
	// instead, if set, is the address of the proxy that new connections go to.
	instead atomic.Pointer[string]
}

type expectation struct {
	color string
	// settled is false while an order is under way, when either color may answer.
	settled bool
}

func (s *site) startLoad(mode string, ps ...*running) *load {
	l := &load{t: s.t, done: make(chan struct{})}
	l.expect.Store(&expectation{})
	for i := range 8 {
		protocols := &http.Protocols{}
		protocols.SetHTTP1(mode != bluegreen.ModeH2)
		protocols.SetUnencryptedHTTP2(mode == bluegreen.ModeH2)
		// A connection of a tcp port belongs to one color for its life, so only new ones can be
		// judged.
		fresh := i%2 == 0 || mode == bluegreen.ModeTCP
		transport := &http.Transport{Protocols: protocols, DisableKeepAlives: fresh, DialContext: l.dial}
		client := &http.Client{Transport: transport, Timeout: slower * 10 * time.Second}
		l.workers.Go(func() { l.work(client, []string{http.MethodGet, http.MethodPost}[i/4], ps[i/2%len(ps)].url("/")) })
	}
	s.t.Cleanup(l.end)
	return l
}

func (l *load) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if instead := l.instead.Load(); instead != nil {
		address = fmt.Sprintf("%s:%d", *instead, testPort)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (l *load) work(client *http.Client, method, url string) {
	for {
		select {
		case <-l.done:
			return
		default:
		}
		before := l.expect.Load()
		got := ask(client, method, url)
		l.answered.Add(1)
		if got != Blue && got != Green {
			l.t.Errorf("%s failed: %s", method, got)
		} else if before.settled && l.expect.Load() == before && got != before.color {
			l.t.Errorf("%s answered by %s after the flip to %s had ended", method, got, before.color)
		}
	}
}

// flipped says that from now on, until the next order, only color may answer.
func (l *load) flipped(color string) { l.expect.Store(&expectation{color, true}) }

// more waits for n more answers and lets any color answer from then on.
func (l *load) more(n int64) {
	l.t.Helper()
	goal := l.answered.Load() + n
	eventually(l.t, 10*time.Second, fmt.Sprint(n, " more answers"), func() bool { return l.answered.Load() >= goal })
	l.expect.Store(&expectation{})
}

// end ends the requests but leaves kept connections open.
func (l *load) end() {
	select {
	case <-l.done:
	default:
		close(l.done)
		l.workers.Wait()
		l.t.Log(l.answered.Load(), "requests")
	}
}

package haproxy

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// What it costs that requests are chosen for a share, and that a guard watches: compare what the
// proxy needs of the CPU for a request with that without. The time of a request, and the slowest of
// a hundred, are those of client, proxy and app together: on a machine that others use as well they
// say little.
func BenchmarkShare(b *testing.B) {
	guard := &bluegreen.Guard{Bake: time.Hour, Window: 10 * time.Second, Errors: 100, Latency: time.Hour, Requests: 20}
	for _, c := range []struct {
		name   string
		canary *bluegreen.Canary
		guard  *bluegreen.Guard
		route  Route
	}{
		{"none", nil, nil, Route{Sequence: 2, Color: Blue}},
		{"random", &bluegreen.Canary{By: bluegreen.ByRandom}, nil, Route{Sequence: 2, Color: Blue, Share: 25}},
		{"cookie", &bluegreen.Canary{By: bluegreen.ByCookie, Name: "sid"}, nil, Route{Sequence: 2, Color: Blue, Share: 25}},
		{"guard", nil, guard, watched(2, Blue)},
		{"cookie and guard", &bluegreen.Canary{By: bluegreen.ByCookie, Name: "sid"}, guard, Route{Sequence: 2, Color: Blue, Share: 25, Guard: Guard{On: true}}},
	} {
		for _, h := range haproxies(b) {
			b.Run(c.name+"/"+h.name, func(b *testing.B) {
				s := newSite(b, h)
				s.proxy.Canary, s.proxy.Guard, s.proxy.Guards = c.canary, c.guard, "tasks.guards"
				s.colors()
				s.dns.set("tasks.proxies", s.addr(1))
				p := s.start(1, "1:blue")
				s.ready(p)
				s.weigh(c.route, p)
				var mu sync.Mutex
				var times []time.Duration
				used := cpuOf(b, p.cmd.Process.Pid)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					client := &http.Client{Transport: &http.Transport{}}
					var own []time.Duration
					for pb.Next() {
						request, _ := http.NewRequest(http.MethodGet, p.url("/"), nil)
						request.AddCookie(&http.Cookie{Name: "sid", Value: "a"})
						began := time.Now()
						if color := answerTo(client, request); color != Blue && color != Green {
							b.Error(color)
						}
						own = append(own, time.Since(began))
					}
					mu.Lock()
					defer mu.Unlock()
					times = append(times, own...)
				})
				used = cpuOf(b, p.cmd.Process.Pid) - used
				slices.Sort(times)
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "proxy-ns/op")
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-us")
			})
		}
	}
}

// cpuOf is the time that a process and its children have had on a CPU; see sched(7) for schedstat.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	var sum time.Duration
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(tasks) == 0 {
		b.Fatalf("process %d: %v", pid, err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(filepath.Join(task, "schedstat"))
		if err != nil {
			b.Fatal(err)
		}
		var nanoseconds int64
		if _, err := fmt.Sscan(string(text), &nanoseconds); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(nanoseconds)
		children, err := os.ReadFile(filepath.Join(task, "children"))
		if err != nil {
			b.Fatal(err)
		}
		for child := range strings.FieldsSeq(string(children)) {
			n, err := strconv.Atoi(child)
			if err != nil {
				b.Fatal(err)
			}
			sum += cpuOf(b, n)
		}
	}
	return sum
}

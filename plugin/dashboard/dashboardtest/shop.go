package dashboardtest

import (
	"fmt"
	"math"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

const (
	day    = 24 * time.Hour
	digest = "sha256:9f2a41c07d3e5b6a9f2a41c07d3e5b6a9f2a41c07d3e5b6a9f2a41c07d3e5b6a"
)

// Status is a stack of two blue-green services, one of them with a canary, and two plain ones.
func Status(now time.Time) *swarm.Status {
	of := func(name, image string, ready, wanted int, age time.Duration) swarm.SwarmService {
		return swarm.SwarmService{Name: "shop_" + name, ID: name, Image: image, Digest: digest, Mode: "replicated", Ready: ready, Wanted: wanted, Since: now.Add(-age)}
	}
	until := now.Add(4 * time.Minute)
	return &swarm.Status{Stack: "shop", Drift: []string{}, Services: []swarm.ServiceStatus{
		{Name: "api", Kind: "bluegreen", Swarm: of("api", "haproxy:3.2-alpine", 2, 2, 20*day),
			Route: &swarm.RouteStatus{Sequence: 31, Active: "green", Watched: true, Until: &until},
			Colors: []swarm.ColorStatus{
				{Color: "blue", Release: 21, Swarm: of("api-blue", "registry.example.com/shop/api:4.1.0", 2, 2, 3*day)},
				{Color: "green", Active: true, Release: 22, Swarm: of("api-green", "registry.example.com/shop/api:4.2.0", 2, 2, 70*time.Second)},
			}},
		{Name: "web", Kind: "bluegreen", Swarm: of("web", "haproxy:3.2-alpine", 3, 3, 20*day),
			Route: &swarm.RouteStatus{Sequence: 18, Active: "blue", Share: 25},
			Colors: []swarm.ColorStatus{
				{Color: "blue", Active: true, Release: 13, Swarm: of("web-blue", "registry.example.com/shop/web:1.8.1", 4, 4, 2*day)},
				{Color: "green", Waiting: true, Release: 14, Swarm: of("web-green", "registry.example.com/shop/web:1.8.2", 4, 4, 9*time.Minute)},
			}},
		{Name: "db", Kind: "plain", Swarm: of("db", "postgres:17", 1, 1, 40*day)},
		{Name: "worker", Kind: "plain", Swarm: of("worker", "registry.example.com/shop/worker:2.3.0", 1, 2, 5*time.Hour)},
	}}
}

// proxies are those of a service that has answered for so long: more and less requests by turns,
// and some errors of the color that is not active.
func proxies(svc swarm.ServiceStatus, age time.Duration) []swarm.ProxyStatus {
	var all []swarm.ProxyStatus
	t := age.Seconds()
	for i := range svc.Swarm.Wanted {
		p := swarm.ProxyStatus{Task: fmt.Sprintf("%s.%d", svc.Swarm.Name, i+1), Node: fmt.Sprintf("node%d", i+1), Address: fmt.Sprintf("10.0.9.%d", i+3), InFlight: map[string]int{svc.Route.Active: 3},
			Sequence: svc.Route.Sequence, Active: svc.Route.Active, Share: svc.Route.Share, State: svc.Route.State, Counted: map[string]swarm.ProxyCount{}}
		for _, c := range svc.Colors {
			share := float64(svc.Route.Share)
			if c.Active {
				share = 100 - share
			}
			n := share * 0.4 * (t + 1 - 0.5*math.Cos(t/2) - 0.2*math.Sin(t*1.3+1))
			failed := 0.0
			if !c.Active && share > 0 {
				failed = math.Floor(t/4) * 2
			}
			p.Counted[c.Color] = swarm.ProxyCount{Requests: int(n), Failed: int(failed)}
		}
		all = append(all, p)
	}
	return all
}

// History are releases of the services of Status.
func History(now time.Time) *swarm.History {
	release := func(service string, n int, color, outcome, cause string, age time.Duration, receipt string) swarm.ReleaseHistory {
		created := now.Add(-age)
		image := "registry.example.com/shop/" + service + map[string]string{"api": ":4.", "web": ":1.8."}[service] + string(rune('0'+n%10))
		return swarm.ReleaseHistory{Service: service, Release: n, Color: color, Outcome: outcome, Cause: cause, Created: &created, By: "ci@build-7",
			Image: image, Commit: "4f1c2a90c3d1", Log: []swarm.ReleaseEvent{{At: created, What: "created", By: "ci@build-7", Command: "up", Receipt: receipt}}}
	}
	return &swarm.History{Stack: "shop", Releases: []swarm.ReleaseHistory{
		release("api", 22, "green", "active", "", 70*time.Second, "412 requests meanwhile (blue 204, green 208), 0 failed"),
		release("api", 21, "blue", "idle", "", 3*day, ""),
		release("web", 14, "green", "shared", "", 9*time.Minute, ""),
		release("web", 13, "blue", "active", "", 2*day, "1204 requests meanwhile (blue 611, green 593), 0 failed, the slowest took 88 ms"),
		release("web", 12, "green", "taken back", "7.3 % of the requests to green failed within 30s, more than 5 %", 4*day, ""),
		release("web", 11, "blue", "rolled back", "orders are lost", 6*day, ""),
		release("web", 10, "green", "replaced", "", 9*day, ""),
	}}
}

// Stacks are those of the swarm.
func Stacks(now time.Time) *swarm.Stacks {
	flipped := func(age time.Duration) *time.Time { return new(now.Add(-age)) }
	return &swarm.Stacks{Services: []swarm.StackService{
		{Stack: "blog", Service: "web", Active: "blue", Release: 7, Image: "blog:7", Idle: 6, Ready: 2, Wanted: 2, Flipped: flipped(12 * day)},
		{Stack: "shop", Service: "api", Active: "green", Release: 22, Image: "registry.example.com/shop/api:4.2.0", Idle: 21, Watched: true, Ready: 2, Wanted: 2, Flipped: flipped(70 * time.Second)},
		{Stack: "shop", Service: "web", Active: "blue", Release: 13, Image: "registry.example.com/shop/web:1.8.1", Idle: 14, Share: 25, Waiting: true, Ready: 4, Wanted: 4, Flipped: flipped(2 * day)},
		{Stack: "till", Service: "desk", Active: "blue", Release: 2, Image: "till:2", State: "paused", Ready: 1, Wanted: 2, Flipped: flipped(time.Hour)},
	}}
}

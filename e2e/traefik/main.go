//go:build linux

// Command traefik is a router for the scenarios: what it knows of the swarm it has from the swarm
// providers of Traefik 3 and Traefik 2 themselves, and rules and balancing are Traefik 3's. Only
// what surrounds them is written here: the whole program needs modules that not every module proxy
// serves.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/containous/alice"
	"github.com/rs/zerolog"
	ptypes "github.com/traefik/paerser/types"
	dynamic2 "github.com/traefik/traefik/v2/pkg/config/dynamic"
	docker2 "github.com/traefik/traefik/v2/pkg/provider/docker"
	safe2 "github.com/traefik/traefik/v2/pkg/safe"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/middlewares/requestdecorator"
	muxer "github.com/traefik/traefik/v3/pkg/muxer/http"
	"github.com/traefik/traefik/v3/pkg/provider/docker"
	"github.com/traefik/traefik/v3/pkg/safe"
	"github.com/traefik/traefik/v3/pkg/server/service/loadbalancer/wrr"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "traefik:", err)
		os.Exit(1)
	}
}

func run() error {
	// The scenarios read one stream, whatever the providers log with.
	if err := syscall.Dup3(1, 2, 0); err != nil {
		return fmt.Errorf("join the logs: %w", err)
	}
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	zerolog.SetGlobalLevel(zerolog.InfoLevel) // without a line for each request
	version := flag.Int("version", 3, "Traefik whose provider is used: 2 or 3")
	endpoint := flag.String("endpoint", "unix:///var/run/docker.sock", "a swarm manager")
	network := flag.String("network", "", "the provider's default network")
	refresh := flag.Duration("refresh", 15*time.Second, "between two looks at the swarm")
	listen := flag.String("listen", ":80", "address to listen on")
	flag.Parse()
	configurations := make(chan *dynamic.Configuration)
	provide := map[int]func(string, string, time.Duration, chan<- *dynamic.Configuration) error{2: provide2, 3: provide3}[*version]
	if provide == nil {
		return fmt.Errorf("there is no Traefik %d here", *version)
	}
	if err := provide(*endpoint, *network, *refresh, configurations); err != nil {
		return err
	}
	var current atomic.Value // of http.Handler in a wrapper of one type
	current.Store(serving{http.NotFoundHandler()})
	go func() {
		var before string
		for c := range configurations {
			handler, err := handlerOf(c)
			if err != nil {
				log.Print("traefik: ", err)
				continue
			}
			current.Store(serving{handler})
			if now := describe(c); now != before {
				log.Print("traefik: ", now)
				before = now
			}
		}
	}()
	return http.ListenAndServe(*listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		current.Load().(serving).ServeHTTP(w, r)
	}))
}

type serving struct{ http.Handler }

// provide3 sends what the swarm provider of Traefik 3 makes of the swarm.
func provide3(endpoint, network string, refresh time.Duration, to chan<- *dynamic.Configuration) error {
	p := &docker.SwarmProvider{}
	p.SetDefaults()
	p.Endpoint, p.Network, p.ExposedByDefault, p.RefreshSeconds = endpoint, network, false, ptypes.Duration(refresh)
	if err := p.Init(); err != nil {
		return err
	}
	messages := make(chan dynamic.Message)
	go func() {
		for m := range messages {
			to <- m.Configuration
		}
	}()
	return p.Provide(messages, safe.NewPool(context.Background()))
}

// provide2 does the same with the docker provider of Traefik 2 in its swarm mode.
func provide2(endpoint, network string, refresh time.Duration, to chan<- *dynamic.Configuration) error {
	p := &docker2.Provider{}
	p.SetDefaults()
	p.SwarmMode, p.Endpoint, p.Network, p.ExposedByDefault, p.SwarmModeRefreshSeconds = true, endpoint, network, false, ptypes.Duration(refresh)
	if err := p.Init(); err != nil {
		return err
	}
	messages := make(chan dynamic2.Message)
	go func() {
		for m := range messages {
			c := &dynamic.Configuration{}
			text, err := json.Marshal(m.Configuration)
			if err == nil {
				err = json.Unmarshal(text, c)
			}
			if err != nil {
				log.Print("traefik: ", err)
				continue
			}
			to <- c
		}
	}()
	return p.Provide(messages, safe2.NewPool(context.Background()))
}

// transport is as Traefik's default serversTransport (pkg/server/service/transport.go): connections
// are kept.
var transport = &http.Transport{MaxIdleConnsPerHost: 200, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}

// handlerOf is what answers by a configuration.
func handlerOf(c *dynamic.Configuration) (http.Handler, error) {
	parser, err := muxer.NewSyntaxParser()
	if err != nil {
		return nil, err
	}
	mux := muxer.NewMuxer(parser, nil)
	for name, router := range c.HTTP.Routers {
		service := c.HTTP.Services[router.Service]
		if service == nil || service.LoadBalancer == nil {
			log.Printf("traefik: router %s: there is no service %s", name, router.Service)
			continue
		}
		balancer := wrr.New(nil, false)
		for _, server := range service.LoadBalancer.Servers {
			target, err := url.Parse(server.URL)
			if err != nil {
				return nil, err
			}
			balancer.AddServer(server.URL, proxyTo(target), server)
		}
		if err := mux.AddRoute(router.Rule, "", max(router.Priority, muxer.GetRulePriority(router.Rule)), "swarm", balancer); err != nil {
			return nil, fmt.Errorf("router %s: %w", name, err)
		}
	}
	return alice.New(requestdecorator.WrapHandler(requestdecorator.New(nil))).Then(mux)
}

// describe says where a configuration sends, the same text for the same places.
func describe(c *dynamic.Configuration) string {
	var places []string
	for name, service := range c.HTTP.Services {
		if service.LoadBalancer == nil {
			continue
		}
		for _, s := range service.LoadBalancer.Servers {
			places = append(places, name+" at "+s.URL)
		}
	}
	slices.Sort(places)
	return "sends to " + strings.Join(places, ", ")
}

func proxyTo(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
}

package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Stats are what a caller has seen, as JSON at /stats.
type Stats struct {
	OK       int            `json:"ok"`
	Failed   int            `json:"failed"`
	Versions map[string]int `json:"versions"` // answers of each
	Last     string         `json:"last"`     // version of the newest answer
	Errors   []string       `json:"errors"`   // the first ten
	Known    []string       `json:"known"`    // addresses of the name that is called, as this node knows them
}

// caller is traffic from service to service, by name.
type caller struct {
	target string
	client *http.Client

	mu   sync.Mutex
	seen Stats
}

func newCaller(target string) *caller {
	// A new connection each time: the name is looked up again, and nothing is sent twice behind our
	// back.
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- nobody signs the app's
	return &caller{target: target, client: &http.Client{Transport: t, Timeout: 30 * time.Second}, seen: Stats{Versions: map[string]int{}}}
}

func (c *caller) run(every time.Duration) {
	for range time.Tick(every) {
		go c.call()
	}
}

func (c *caller) call() {
	version, err := c.ask()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.seen.Failed++
		if len(c.seen.Errors) < 10 {
			c.seen.Errors = append(c.seen.Errors, time.Now().Format(time.StampMilli)+" "+err.Error())
		}
		return
	}
	c.seen.OK++
	c.seen.Versions[version]++
	c.seen.Last = version
}

func (c *caller) ask() (version string, err error) {
	resp, err := c.client.Get(c.target)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s from %s", resp.Status, c.target)
	}
	return resp.Header.Get("X-Version"), nil
}

// known are the addresses behind the name, none where it is not known.
func (c *caller) known() []string {
	u, err := url.Parse(c.target)
	if err != nil {
		return nil
	}
	addresses, _ := net.LookupHost(u.Hostname())
	return addresses
}

// stats shows the counts; with ?reset=1 they start anew.
func (c *caller) stats(w http.ResponseWriter, r *http.Request) {
	known := c.known()
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	seen.Known = known
	json.NewEncoder(w).Encode(seen)
	if r.FormValue("reset") != "" {
		c.seen = Stats{Versions: map[string]int{}}
	}
}

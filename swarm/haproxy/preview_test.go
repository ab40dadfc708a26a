package haproxy

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

const previewPort = 9080

// previewed is a request to a proxy: to which port, and with which header, and the color that is
// to answer.
type previewed struct {
	name   string
	port   int
	header string
	want   string
}

func (r *running) preview(c previewed) string {
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%s:%d/", r.addr, c.port), nil)
	if err != nil {
		return err.Error()
	}
	if c.header != "" {
		request.Header.Set("X-Preview", c.header)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: slower * 20 * time.Second}
	return answerTo(client, request)
}

// The idle color answers those who ask for it, and nobody else; a flip turns both round. Where it
// has no task, those get an error, and never the active color.
func TestPreview(t *testing.T) {
	const secret = `-i "s3cret" $1 # }`
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.eachColor(func(r *bluegreen.Release) { r.Ports = []bluegreen.Port{{Target: testPort, Mode: mode}} })
				s.proxy.Preview = bluegreen.Preview{Port: previewPort, Target: testPort}
				if mode != bluegreen.ModeTCP {
					s.proxy.Preview.Header = bluegreen.Header{Name: "X-Preview", Value: secret}
				}
				s.colors()
				a, b := s.pair()
				for i, active := range []string{Blue, Green} {
					idle := map[string]string{Blue: Green, Green: Blue}[active]
					asked := map[string]string{bluegreen.ModeHTTP: idle, bluegreen.ModeTCP: active}[mode]
					s.flip(uint64(i+1), active, a, b)
					for _, c := range []previewed{
						{"no header", testPort, "", active},
						{"another value", testPort, "s3cret", active},
						{"more than the value", testPort, secret + "x", active},
						{"the header", testPort, secret, asked},
						{"the port", previewPort, "", idle},
						{"the port and another value", previewPort, "no", idle},
					} {
						for _, p := range []*running{a, b} {
							if got := p.preview(c); got != c.want {
								t.Errorf("%s is active, %s: %q answered, want %s", active, c.name, got, c.want)
							}
						}
					}
				}
				s.dns.set("tasks.web-blue")
				eventually(t, slower*10*time.Second, "blue has no task", func() bool { return !s.knows(a, Blue) })
				for _, c := range []previewed{{"the port", previewPort, "", ""}, {"the header", testPort, secret, ""}} {
					got := a.preview(c)
					if c.port == previewPort && got == Green || c.port == testPort && (got == Green) != (mode == bluegreen.ModeTCP) {
						t.Errorf("blue has no task, %s: %q answered", c.name, got)
					}
				}
			})
		})
	}
}

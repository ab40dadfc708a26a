package execute

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Ports are looked at once, before proxies take them: those of mode http and h2, of the first
// color, of a new release that has others, and of a color that serves.
func TestWhichPortsAreLookedAt(t *testing.T) {
	file := func(image, ports string) string {
		return fmt.Sprintf("services: {web: {image: %s, expose: %s, x-bluegreen: {}}}", image, ports)
	}
	listed := func(ports string) string {
		return fmt.Sprintf("services: {web: {image: web:1, x-bluegreen: {ports: %s}}}", ports)
	}
	for _, tc := range []struct {
		name, before, after string
		opts                plan.UpOptions
		want                string
	}{
		{"the first", "", file("web:1", "[80, 8080, 443]"), plan.UpOptions{}, "check ports of shop_web-blue: 80 must speak http, 8080 must speak http before proxies take traffic there"},
		{"h2", "", listed("[{target: 50051, mode: h2}]"), plan.UpOptions{}, "check ports of shop_web-blue: 50051 must speak h2 before proxies take traffic there"},
		{"tcp alone", "", file("web:1", "[443, 5432]"), plan.UpOptions{}, ""},
		{"without a look", "", file("web:1", "[80]"), plan.UpOptions{SkipPortCheck: true}, ""},
		{"a new release", file("web:1", "[80]"), file("web:2", "[80]"), plan.UpOptions{}, ""},
		{"a new release with another port", file("web:1", "[80]"), file("web:2", "[80, 81]"), plan.UpOptions{}, "check ports of shop_web-green: 81 must speak http before proxies take traffic there"},
		{"another port", file("web:1", "[80]"), file("web:1", "[80, 81]"), plan.UpOptions{}, "check ports of shop_web-blue: 81 must speak http before proxies take traffic there"},
		{"another mode", listed("[{target: 80, mode: tcp}]"), listed("[{target: 80}]"), plan.UpOptions{}, "check ports of shop_web-blue: 80 must speak http before proxies take traffic there"},
		{"mode tcp", listed("[{target: 80}]"), listed("[{target: 80, mode: tcp}]"), plan.UpOptions{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := plantest.Nothing()
			if tc.before != "" {
				plantest.CarriedOut(seen, plantest.For(t, seen, tc.before, plan.UpOptions{}))
			}
			var looks []string
			todo := plantest.For(t, seen, tc.after, tc.opts)
			for i, s := range todo.Steps {
				if s.Do != plan.CheckPorts {
					continue
				}
				looks = append(looks, s.String())
				for _, later := range todo.Steps[:i] {
					if taken := later.Do; taken == plan.CreateProxies || taken == plan.Adopt || taken == plan.Flip || taken == plan.UpdateProxies && s.Look.Serving {
						t.Errorf("%s comes before the ports are looked at", taken)
					}
				}
			}
			if got := strings.Join(looks, "\n"); got != tc.want {
				t.Errorf("\n got: %s\nwant: %s", got, tc.want)
			}
		})
	}
}

// What a port speaks that the file has otherwise is told with the list of ports to write.
func TestJudgePorts(t *testing.T) {
	ports := []bluegreen.Port{{Target: 80, Mode: bluegreen.ModeHTTP}, {Target: 9000, Mode: bluegreen.ModeHTTP}, {Target: 50051, Mode: bluegreen.ModeH2}, {Target: 5432, Mode: bluegreen.ModeTCP}}
	for _, tc := range []struct{ name, http, h2, text, want string }{
		{"as the file says", haproxy.SpeaksHTTP, haproxy.SpeaksH2, "", ""},
		{"TLS", haproxy.SpeaksTLS, haproxy.SpeaksH2, "", "  port 9000 is mode http, and it speaks TLS, so a proxy can only pass the bytes on\n" +
			"write in x-bluegreen:\n  ports: [{target: 80, mode: http}, {target: 9000, mode: tcp}, {target: 50051, mode: h2}, {target: 5432, mode: tcp}]"},
		{"SSH", haproxy.SpeaksOther, haproxy.SpeaksH2, "SSH-2.0", "  port 9000 is mode http, and it does not speak HTTP: its answer begins with \"SSH-2.0\"\n" +
			"write in x-bluegreen:\n  ports: [{target: 80, mode: http}, {target: 9000, mode: tcp}, {target: 50051, mode: h2}, {target: 5432, mode: tcp}]"},
		{"nothing", haproxy.SpeaksSilent, haproxy.SpeaksH2, "", "  port 9000 is mode http, and it closed the connection, or did not answer an HTTP request within 30s\n" +
			"write in x-bluegreen:\n  ports: [{target: 80, mode: http}, {target: 9000, mode: tcp}, {target: 50051, mode: h2}, {target: 5432, mode: tcp}]"},
		{"each the other's", haproxy.SpeaksH2, haproxy.SpeaksHTTP, "", "  port 50051 is mode h2, and it speaks HTTP/1.1\n  port 9000 is mode http, and it speaks HTTP/2 without TLS\n" +
			"write in x-bluegreen:\n  ports: [{target: 80, mode: http}, {target: 9000, mode: h2}, {target: 50051, mode: http}, {target: 5432, mode: tcp}]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &run{Executor: New(traffic.New(cluster.New(nil, "shop", nil)))}
			step := plan.Step{Service: "web", Settings: &bluegreen.Settings{Release: bluegreen.Release{Ports: ports}}, Look: &plan.Look{Ports: ports[:3]}}
			err := r.judgePorts(step, []haproxy.Saw{{Port: 80, Speaks: haproxy.SpeaksHTTP}, {Port: 9000, Speaks: tc.http, Text: tc.text}, {Port: 50051, Speaks: tc.h2}})
			want := ""
			if tc.want != "" {
				want = "service web: its ports do not speak what the file says:\n" + tc.want +
					"\nor run the command with --skip-port-check, which skips this check; traffic was not touched"
			}
			if got := fmt.Sprint(err); err == nil && want != "" || err != nil && got != want {
				t.Errorf("\n got: %s\nwant: %s", got, want)
			}
		})
	}
}

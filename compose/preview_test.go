package compose

import (
	"reflect"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// A port of the preview may be published, exposed and named by a router, and is no port of the
// service. It leads to the first port that speaks HTTP, unless the file says to which.
func TestPreview(t *testing.T) {
	http := []bluegreen.Port{{Target: 80, Mode: bluegreen.ModeHTTP}}
	secret := bluegreen.Header{Name: "X-Preview", Value: "a: b"}
	for _, c := range []struct {
		name, service string
		ports         []bluegreen.Port
		want          *bluegreen.Preview
	}{
		{"none", `{ports: ["80:80"], x-bluegreen: {}}`, http, nil},
		{"published", `{ports: ["80:80", "9080:9080"], x-bluegreen: {preview: {port: 9080}}}`, http, &bluegreen.Preview{Port: 9080, Target: 80}},
		{"exposed", `{expose: [80, 9080], x-bluegreen: {preview: {port: 9080}}}`, http, &bluegreen.Preview{Port: 9080, Target: 80}},
		{"by a router", `{expose: [80], deploy: {labels: {traefik.http.services.p.loadbalancer.server.port: 9080}}, x-bluegreen: {preview: {port: 9080}}}`,
			http, &bluegreen.Preview{Port: 9080, Target: 80}},
		{"by header", `{expose: [80], x-bluegreen: {preview: {header: "X-Preview:  a: b "}}}`, http, &bluegreen.Preview{Header: secret}},
		{"by both", `{expose: [80], x-bluegreen: {preview: {port: 9080, header: "X-Preview: a: b"}}}`, http,
			&bluegreen.Preview{Port: 9080, Target: 80, Header: secret}},
		{"of the first port with HTTP", `{expose: [22, 80], x-bluegreen: {preview: {port: 9080}}}`,
			[]bluegreen.Port{{Target: 22, Mode: bluegreen.ModeTCP}, http[0]}, &bluegreen.Preview{Port: 9080, Target: 80}},
		{"of bytes", `{expose: [5432, 6379], x-bluegreen: {preview: {port: 9080}}}`,
			[]bluegreen.Port{{Target: 5432, Mode: bluegreen.ModeTCP}, {Target: 6379, Mode: bluegreen.ModeTCP}}, &bluegreen.Preview{Port: 9080, Target: 5432}},
		{"of a port of one's choice", `{expose: [80, 81], x-bluegreen: {preview: {port: 9080, target: 81}}}`,
			[]bluegreen.Port{http[0], {Target: 81, Mode: bluegreen.ModeHTTP}}, &bluegreen.Preview{Port: 9080, Target: 81}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := loadText(t, "services: {web: {image: a, "+c.service[1:]+"}")
			if err != nil {
				t.Fatal(err)
			}
			got := p.Services[0].BlueGreen
			if !reflect.DeepEqual(got.Ports, c.ports) || !reflect.DeepEqual(got.Preview, c.want) {
				t.Errorf("ports %v, preview %+v; want %v and %+v", got.Ports, got.Preview, c.ports, c.want)
			}
		})
	}
}

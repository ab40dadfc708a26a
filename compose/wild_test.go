package compose

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// TestWild holds what real stack files have had in them where x-bluegreen: {} was added: the ports
// of the proxies, the labels that they get for routers, and what is said. Each shape was accepted
// once, and took the site down.
func TestWild(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"Traefik on the only network", `{services: {web: {image: a, networks: [proxy], deploy: {labels: [traefik.enable=true, traefik.http.routers.w.rule=Host(x), traefik.http.services.w.loadbalancer.server.port=80]}, x-bluegreen: {}}}, networks: {proxy: {external: true}}}`,
			"web 80/http traefik.docker.network=proxy"},
		{"Traefik on the default network", `{services: {web: {image: a, deploy: {labels: {traefik.port: 80}}, x-bluegreen: {}}}}`,
			"web 80/http traefik.docker.network=shop_default"},
		{"Traefik 3 by its own labels", `{services: {web: {image: a, deploy: {labels: {traefik.swarm.lbswarm: "true", traefik.http.services.w.loadbalancer.server.port: 80}}, x-bluegreen: {}}}}`,
			"web 80/http traefik.swarm.network=shop_default"},
		{"Traefik with the network named", `{services: {web: {image: a, networks: [proxy, back], deploy: {labels: {traefik.docker.network: proxy, traefik.port: 80}}, x-bluegreen: {}}}, networks: {proxy: {external: true}, back: }}`,
			"web 80/http"},
		{"Traefik with the network named by its key", `{services: {web: {image: a, networks: [proxy, back], deploy: {labels: {traefik.docker.network: proxy, traefik.port: 80}}, x-bluegreen: {}}}, networks: {proxy: , back: }}`,
			"web 80/http traefik.docker.network=shop_proxy\n" +
				"service web: deploy.labels: traefik.docker.network: proxy is called shop_proxy on the swarm, and Traefik looks for that name: write it"},
		{"Traefik with another network named", `{services: {web: {image: a, networks: [proxy], deploy: {labels: {traefik.swarm.network: web, traefik.port: 80}}, x-bluegreen: {}}}, networks: {proxy: {external: true}}}`,
			"web 80/http traefik.swarm.network=proxy\n" +
				"service web: deploy.labels: traefik.swarm.network: the service is not on the network web, so its only network proxy is used: correct the label"},
		{"Traefik in the file, several networks", `{services: {web: {image: a, networks: [proxy, back], deploy: {labels: {traefik.port: 80}}, x-bluegreen: {}}, edge: {image: "docker.io/library/traefik:v3.1", networks: [proxy, metrics]}}, networks: {proxy: , back: , metrics: }}`,
			"web 80/http traefik.docker.network=shop_proxy"},
		{"Traefik elsewhere, several networks", `{services: {web: {image: a, networks: [proxy, back], deploy: {labels: {traefik.port: 80}}, x-bluegreen: {}}}, networks: {proxy: {external: true}, back: }}`,
			"stack.yml: service web: deploy.labels: the service is on 2 networks, and Traefik would choose one at random: add the label traefik.docker.network with a network that Traefik is on too: proxy or shop_back"},
		{"Traefik with a network of others named, several networks", `{services: {web: {image: a, networks: [proxy, back], deploy: {labels: {traefik.docker.network: edge, traefik.port: 80}}, x-bluegreen: {}}}, networks: {proxy: {external: true}, back: }}`,
			"stack.yml: service web: deploy.labels: traefik.docker.network: the service is not on the network edge: write a network that Traefik is on too: proxy or shop_back"},
		{"Traefik turned off", `{services: {web: {image: a, networks: [a, b], ports: ["80:80"], deploy: {labels: {traefik.enable: "false", traefik.http.routers.w.rule: Host(x)}}, x-bluegreen: {}}}, networks: {a: , b: }}`,
			"web 80/http"},
		{"Traefik turned off, with all its labels", `{services: {web: {image: a, networks: [a, b], ports: ["80:80"], deploy: {labels: {traefik.docker.network: c, Traefik.Enable: "0", traefik.udp.services.w.loadbalancer.server.port: 53}}, x-bluegreen: {}}}, networks: {a: , b: }}`,
			"web 80/http"},
		{"no router", `{services: {web: {image: a, networks: [a, b], ports: ["80:80"], x-bluegreen: {}}}, networks: {a: , b: }}`,
			"web 80/http"},
		{"a plain service is left alone", `{services: {web: {image: a, networks: [a, b], deploy: {labels: {traefik.port: 80}}}}, networks: {a: , b: }}`, ""},

		{"HTTP and HTTPS", `{services: {web: {image: nginx, ports: ["80:80", "443:443"], x-bluegreen: {health: {path: /}}}}}`, "web 80/http 443/tcp"},
		{"other protocols", `{services: {git: {image: a, ports: ["2222:22", "3000:3000"], x-bluegreen: }, db: {image: a, ports: ["3306:3306", "33060:5432"], x-bluegreen: }, q: {image: a, expose: [5672, 15672], x-bluegreen: }, kv: {image: a, expose: [6379, 27017, 8443, 9443, 25, 993], x-bluegreen: }}}`,
			"db 3306/tcp 5432/tcp\ngit 22/tcp 3000/http\nkv 25/tcp 993/tcp 6379/tcp 8443/tcp 9443/tcp 27017/tcp\nq 5672/tcp 15672/http"},
		{"only the number inside counts", `{services: {web: {image: a, ports: ["443:8080"], x-bluegreen: }}}`, "web 8080/http"},
		{"a mode that is written down counts", `{services: {web: {image: a, ports: ["443:443", "80:80"], x-bluegreen: {ports: [{target: 443, mode: http}, {target: 80}]}}}}`, "web 443/http 80/http"},
		{"a listed port without a mode", `{services: {web: {image: a, ports: ["443:443"], x-bluegreen: {ports: [{target: 443}]}}}}`, "web 443/tcp"},

		{"the router's port beside a published one", `{services: {git: {image: gitlab, ports: ["2222:22"], deploy: {labels: {traefik.http.services.g.loadbalancer.server.port: "80"}}, x-bluegreen: }}}`,
			"git 22/tcp 80/http traefik.docker.network=shop_default"},
		{"a port that the router speaks HTTP to", `{services: {web: {image: a, deploy: {labels: {traefik.http.services.g.loadbalancer.server.port: "8443"}}, x-bluegreen: }}}`,
			"web 8443/http traefik.docker.network=shop_default"},
		{"Traefik to HTTPS, h2c and TCP", `{services: {web: {image: a, deploy: {labels: {traefik.http.services.a.loadbalancer.server.port: 8080, traefik.http.services.a.loadbalancer.server.scheme: https, traefik.http.services.b.loadbalancer.server.port: 50051, traefik.http.services.b.loadbalancer.server.scheme: h2c, traefik.tcp.services.c.loadbalancer.server.port: 1234}}, x-bluegreen: }}}`,
			"web 1234/tcp 8080/tcp 50051/h2 traefik.docker.network=shop_default"},
		{"one port by two protocols", `{services: {web: {image: a, deploy: {labels: {traefik.http.services.a.loadbalancer.server.port: 8080, traefik.tcp.services.c.loadbalancer.server.port: 8080}}, x-bluegreen: }}}`,
			"web 8080/tcp traefik.docker.network=shop_default"},
		{"Traefik 1", `{services: {a: {image: a, deploy: {labels: {traefik.port: "80", traefik.frontend.rule: "Host:x", traefik.backend.healthcheck.port: "81"}}, x-bluegreen: }, b: {image: a, deploy: {labels: {traefik.api.port: "8080", traefik.ui.port: "8081", traefik.ui.protocol: https}}, x-bluegreen: }, c: {image: a, deploy: {labels: {traefik.protocol: h2c, traefik.port: 90}}, x-bluegreen: }}}`,
			"a 80/http 81/http traefik.docker.network=shop_default\nb 8080/http 8081/tcp traefik.docker.network=shop_default\nc 90/h2 traefik.docker.network=shop_default"},
		{"the port of Traefik's health check", `{services: {a: {image: a, deploy: {labels: {traefik.http.services.w.loadbalancer.server.port: 80, traefik.http.services.w.loadbalancer.healthcheck.port: 9000}}, x-bluegreen: }, b: {image: a, deploy: {labels: {traefik.http.services.w.loadbalancer.server.port: 80, traefik.http.services.w.loadbalancer.healthCheck.port: 9001, traefik.http.services.w.loadbalancer.healthcheck.scheme: https}}, x-bluegreen: }, c: {image: a, deploy: {labels: {traefik.tcp.services.w.loadbalancer.server.port: 81, traefik.tcp.services.w.loadbalancer.healthcheck.port: 82}}, x-bluegreen: }, d: {image: a, deploy: {labels: {traefik.api.port: 83, traefik.api.backend.healthcheck.port: 84, traefik.api.protocol: https}}, x-bluegreen: }}}`,
			"a 80/http 9000/http traefik.docker.network=shop_default\nb 80/http 9001/tcp traefik.docker.network=shop_default\n" +
				"c 81/tcp 82/tcp traefik.docker.network=shop_default\nd 83/tcp 84/tcp traefik.docker.network=shop_default"},
		{"a health check's port that is not listed", `{services: {a: {image: a, deploy: {labels: {traefik.http.services.w.loadbalancer.server.port: 80, traefik.http.services.w.loadbalancer.healthcheck.port: 9000}}, x-bluegreen: {ports: [{target: 80}]}}}}`,
			"stack.yml: service a: x-bluegreen.ports: a router's label sends traffic to 9000, which is missing: add {target: 9000}, or change the label"},
		{"docker-flow-proxy", `{services: {a: {image: a, networks: [x, y], deploy: {labels: [com.df.notify=true, com.df.servicePath=/, com.df.port=8080]}, x-bluegreen: }, b: {image: a, deploy: {labels: [com.df.port.1=8081, com.df.port.2=6380, com.df.reqMode.2=tcp, com.df.srcPort.2=6379, com.df.httpsPort=8444]}, x-bluegreen: }}, networks: {x: , y: }}`,
			"a 8080/http\nb 6380/tcp 8081/http 8444/tcp"},
		{"caddy-docker-proxy", `{services: {a: {image: a, networks: [x, y], deploy: {labels: {caddy: a.example.com, caddy.reverse_proxy: "{{upstreams 8080}}"}}, x-bluegreen: }, b: {image: a, deploy: {labels: {caddy_0: b.example.com, caddy_0.reverse_proxy: "/api/* {{ upstreams https 9000 }}", caddy_1.reverse_proxy: "{{upstreams}}", caddy_2.reverse_proxy: "{{upstreams h2c 50051}} {{upstreams \"http\" 7000}}"}}, x-bluegreen: }}, networks: {x: , y: }}`,
			"a 8080/http\nb 80/http 7000/http 9000/tcp 50051/h2"},
		{"the port of Caddy's health check", `{services: {a: {image: a, deploy: {labels: {caddy: a.example.com, caddy.reverse_proxy: "{{upstreams 8080}}", caddy.reverse_proxy.health_port: 9000}}, x-bluegreen: }}}`,
			"a 8080/http 9000/http"},
		{"labels of a router on the container", `{services: {web: {image: a, labels: [traefik.enable=true, traefik.http.routers.w.rule=Host(x), traefik.http.services.w.loadbalancer.server.port=80], x-bluegreen: }}}`,
			"web 80/http\nservice web: labels: traefik.enable: this label and 2 more are on the containers of both colors, and a router that reads labels of containers sends requests to the old release and the new one: move them to deploy.labels"},

		{"UDP alone", `{services: {dns: {image: a, ports: ["53:53/udp"], x-bluegreen: }}}`,
			"stack.yml: service dns: ports: 53/udp: proxies carry TCP only, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"UDP beside TCP", `{services: {plex: {image: a, ports: ["32400:32400", "1900:1900/udp"], x-bluegreen: }}}`,
			"stack.yml: service plex: ports: 1900/udp: one container serves UDP and TCP, and proxies carry TCP only, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"SCTP", `{services: {a: {image: a, ports: ["80:80", "5000:5000/sctp"], x-bluegreen: }}}`,
			"stack.yml: service a: ports: 5000/sctp: one container serves SCTP and TCP, and proxies carry TCP only, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"a worker", `{services: {worker: {image: a, x-bluegreen: }}}`,
			"stack.yml: service worker: x-bluegreen: no port is known: publish one with ports, name it with expose, or write x-bluegreen: {ports: [{target: 8080}]}"},

		{"the files of a database", `{services: {db: {image: "postgres:16", volumes: ["pg:/var/lib/postgresql/data"], expose: [5432], x-bluegreen: {}}}, volumes: {pg: }}`,
			"stack.yml: service db: volumes: shop_pg (at /var/lib/postgresql/data) holds the files of a database, and two releases would write to them at once and destroy them: take x-bluegreen out"},
		{"what is beside the files of a database", `{services: {db: {image: a, volumes: ["pg:/var/lib/mysql-files", "./init:/docker-entrypoint-initdb.d", "ro:/var/lib/mysql:ro", "/var/lib/mongodb"], tmpfs: [/data/db], expose: [3306], x-bluegreen: {}}}, volumes: {pg: , ro: }}`,
			"db 3306/tcp"},
		{"sticky sessions", `{services: {a: {image: a, deploy: {labels: {traefik.http.services.w.loadbalancer.server.port: 80, traefik.http.services.w.loadBalancer.sticky.cookie: "true"}}, x-bluegreen: {}}, b: {image: a, deploy: {labels: {traefik.port: 80, traefik.backend.loadbalancer.stickiness: "false"}}, x-bluegreen: {}}}}`,
			"a 80/http traefik.docker.network=shop_default\nb 80/http traefik.docker.network=shop_default\n" +
				"service a: deploy.labels: traefik.http.services.w.loadBalancer.sticky.cookie: it binds a client to a proxy, but a proxy sends each request to any task: keep sessions where all tasks find them"},
		{"ports that others use", `{services: {mq: {image: a, deploy: {labels: {traefik.port: 15672}}, x-bluegreen: {}}, worker: {image: a, command: "run http://mq:15672/api amqp://mq", environment: {URL: "amqp://u:p@mq:5672/v", X: "smq:1234 mq.x:1 mq:80a", T: "shop_mq:25672"}}}}`,
			"mq 15672/http traefik.docker.network=shop_default\n" +
				"service mq: environment.T of worker names port 25672 of mq, but the proxies do not listen on it: add it to expose of mq\n" +
				"service mq: environment.URL of worker names port 5672 of mq, but the proxies do not listen on it: add it to expose of mq"},
		{"ports that others use, with a list", `{services: {mq: {image: a, labels: {url: "http://mq:9999"}, x-bluegreen: {ports: [{target: 80}]}}}}`,
			"mq 80/http\nservice mq: label url of mq names port 9999 of mq, but the proxies do not listen on it: add {target: 9999} to x-bluegreen.ports"},
		{"a cluster that finds itself", `{services: {es: {image: a, expose: [9200, 9300], environment: ["discovery.seed_hosts=tasks.es", "Y=tasks.es-blue"], x-bluegreen: {}}}}`,
			"es 9200/http 9300/tcp\nservice es: environment.discovery.seed_hosts of es names tasks.es: these are the proxies of es. The tasks are tasks.es-blue and tasks.es-green. A cluster whose members find each other by this name cannot be blue-green"},
		{"a network that is not overlay", `{services: {a: {image: a, expose: [80], networks: [n], x-bluegreen: {}}}, networks: {n: {driver: bridge}}}`,
			"stack.yml: service a: networks: shop_n has the driver bridge, and proxies find tasks on overlay networks only: take the driver out"},
		{"defaults that nobody has", `{x-bluegreen: {drain: 1s}, services: {a: {image: a}}}`,
			"x-bluegreen at the top of the file only sets defaults, and no service has x-bluegreen: no service is blue-green"},
		{"a default path, and no port of HTTP", `{x-bluegreen: {health: {path: /h}}, services: {ssh: {image: a, expose: [22], x-bluegreen: {}}, web: {image: a, expose: [80], x-bluegreen: }}}`,
			"ssh 22/tcp\nweb 80/http"},
		{"the host's network", `{services: {plex: {image: a, network_mode: host, x-bluegreen: {}}}}`,
			"stack.yml: service plex: network_mode: host: proxies cannot find tasks there, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"a mode that is not known", `{services: {a: {image: a, ports: [{target: 80, published: 80, mode: hots}], x-bluegreen: {}}, b: {image: a, ports: [{target: 80, published: 81, protocol: TCP}]}}}`,
			"stack.yml: service a: ports: 80: mode \"hots\" is not one of ingress, host\nservice b: ports: 80: protocol \"TCP\" is not one of tcp, udp, sctp"},
		{"a check that is never run", `{services: {a: {image: a, expose: [80], healthcheck: {test: [curl, -f, localhost]}, x-bluegreen: {}}}}`,
			"a 80/http\nservice a: healthcheck.test: the list begins with \"curl\", and the engine never runs such a check: begin it with CMD or CMD-SHELL, or write one text"},
		{"an image without its tag", `{services: {a: {image: "acme/app:${TAG}"}}}`,
			"stack.yml: service a: image: \"acme/app:\" is not an image name: invalid reference format\nvariable TAG is not set, so it is empty: set it, or give a default as in ${TAG:-x}"},
		{"a misspelt key", `{services: {web: {image: a, ports: ["80:80"], x-bluegren: {}}}}`,
			"stack.yml: service web: x-bluegren: did you mean \"x-bluegreen\"? This key has no effect"},
		{"misspelt keys of all kinds", `{x-blue-green: {drain: 1s}, services: {a: {image: a, x-greenblue: }, b: {image: a, x-BlueGreen: , profiles: [p]}, c: {image: a, x-blugreen: }}}`,
			"stack.yml: x-blue-green: did you mean \"x-bluegreen\"? This key has no effect\n" +
				"service a: x-greenblue: did you mean \"x-bluegreen\"? This key has no effect\n" +
				"service b: x-BlueGreen: did you mean \"x-bluegreen\"? This key has no effect\n" +
				"service c: x-blugreen: did you mean \"x-bluegreen\"? This key has no effect"},
		{"a misspelt key in an anchor", `{x-web: &web {image: a, x-bluegrean: {}}, services: {web: {<<: *web}}}`,
			"stack.yml: service web: x-bluegrean: did you mean \"x-bluegreen\"? This key has no effect"},
		{"without x-", `{services: {web: {image: a, bluegreen: {}}}}`,
			"stack.yml: services.web: unknown key bluegreen: did you mean \"x-bluegreen\"?"},
		{"with a large letter", `{services: {web: {image: a, X-bluegreen: {}}}}`,
			"stack.yml: services.web: unknown key X-bluegreen: did you mean \"x-bluegreen\"?"},
		{"without x- at the top", `{bluegreen: {}, services: {web: {image: a}}}`,
			"stack.yml: top of the file: unknown key bluegreen: did you mean \"x-bluegreen\"?"},
		{"in the wrong place", `{services: {web: {image: a, ports: ["80:80"], deploy: {x-bluegreen: {}}}}, networks: {default: {x-bluegreen: {}}}}`,
			"stack.yml: networks.default.x-bluegreen: it has no effect here: write x-bluegreen directly in a service, beside image, or at the top of the file\n" +
				"service web: deploy.x-bluegreen: it has no effect here: write x-bluegreen directly in a service, beside image, or at the top of the file"},
		{"beside the services", `{services: {x-bluegreen: {}, web: {image: a, ports: ["80:80"]}}}`,
			"stack.yml: services.x-bluegreen: it has no effect here: write x-bluegreen directly in a service, beside image, or at the top of the file"},
		{"other extensions", `{x-bluegreen-v2: &v2 {}, x-bluegreen_3: {}, x-bluegreen2: {}, x-blue: {}, x-bluegreen-defaults: &d {drain: 1s}, x-web: &web {x-bluegreen: {}}, services: {web: {<<: *web, image: a, expose: [80], environment: {x-bluegren: a}, labels: {x-bluegreen: b}, deploy: {x-blue: 1, labels: {x-bluegren: c}}}}}`,
			"web 80/http"},

		{"a host without an address", `{services: {web: {image: a, extra_hosts: ["db:", "cache:10.0.0.1"]}}}`,
			`service web: extra_hosts: "db:" has no address and is left out: write host:address`},
		{"a host without anything", `{services: {web: {image: a, extra_hosts: [db]}}}`,
			`service web: extra_hosts: "db" has no address and is left out: write host:address`},
		{"a mapping among labels", `{services: {web: {image: a, deploy: {labels: [{traefik.port: 5000}]}}}}`,
			"stack.yml: services.web.deploy.labels[0]: it is a mapping, where NAME=VALUE must stand: write NAME=VALUE, or take the dash off"},
		{"a number in the environment", `{services: {web: {image: a, environment: [1]}}}`,
			"stack.yml: services.web.environment[0]: it is not text: put it in quotes"},
		{"keys twice", "services:\n  web:\n    image: a\n    image: b\n    environment: {A: 1, A: 2}\n  web: {}\n",
			"stack.yml: the key web is in line 2 already: keep one of them\n" +
				"the key image is in line 3 already: keep one of them\n" +
				"the key A is in line 5 already: keep one of them"},
		{"two mappings merged", "x-a: &a {image: a}\nx-b: &b {init: true}\nservices:\n  web:\n    <<: *a\n    <<: *b\n",
			"stack.yml: the key << is in line 5 already: keep one of them, with a list, as in <<: [*a, *b]"},
		{"content from nowhere", `{services: {web: {image: a}}, secrets: {s: {}, t: {external: true}, u: {driver: d}}, configs: {c: {labels: {a: b}}}}`,
			"stack.yml: configs.c: it has no source of its content: write file, environment or content, or external: true\n" +
				"secrets.s: it has no source of its content: write file or environment, or external: true"},
		{"content from two places", `{services: {web: {image: a}}, configs: {c: {file: a, content: b}, d: {file: a, content: b}}}`,
			"stack.yml: configs.c: file and content exclude each other: keep one of them\n" +
				"configs.d: file and content exclude each other: keep one of them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 3 { // nothing depends on the order of a map
				p, err := loadText(t, c.file)
				if got := became(p, err); got != c.want {
					t.Fatalf("\n got: %s\nwant: %s", got, c.want)
				}
			}
		})
	}
}

// became is what a file became: a line for each blue-green service, and the warnings; or the error.
func became(p *Project, err error) string {
	if err != nil {
		return placeless(err)
	}
	var lines []string
	for _, s := range p.Services {
		if s.BlueGreen == nil {
			continue
		}
		line := s.Name
		for _, port := range s.BlueGreen.Ports {
			line += fmt.Sprintf(" %d/%s", port.Target, port.Mode)
		}
		for _, label := range slices.Sorted(maps.Keys(s.ProxyLabels)) {
			line += " " + label + "=" + s.ProxyLabels[label]
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, p.Warnings...), "\n")
}

// TestPortsOfSeveralFiles holds that a port of one file overrides the same port of another, however
// they are written.
func TestPortsOfSeveralFiles(t *testing.T) {
	base := "services: {web: {image: a, ports: [PORT]}}\n"
	forms := []struct{ name, text string }{
		{"short form", `"3001:3001"`},
		{"number", `{target: 3001, published: 3001}`},
		{"text", `{target: 3001, published: "3001"}`},
		{"number with a protocol", `{"published": 3001, target: 3001, protocol: tcp}`},
	}
	for _, one := range forms {
		for _, other := range forms {
			t.Run(other.name+" over "+one.name, func(t *testing.T) {
				dir := write(t, map[string]string{
					"a.yml": strings.Replace(base, "PORT", one.text, 1),
					"b.yml": "services:\n  web:\n    ports:\n      - " + other.text + "\n",
				})
				p, err := Load(t.Context(), Options{Dir: dir, Files: []string{"a.yml", "b.yml"}, Name: "shop"})
				if err != nil {
					t.Fatal(err)
				}
				if ports := p.Services[0].Spec.EndpointSpec.Ports; len(ports) != 1 || ports[0].PublishedPort != 3001 || ports[0].TargetPort != 3001 {
					t.Errorf("%+v", ports)
				}
			})
		}
	}
}

// TestPublishedAsText holds that nothing else of a file is touched.
func TestPublishedAsText(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"two on a line", "services: {web: {ports: [{published: 80, target: 80}, {target: 81, published: 8081}]}}",
			`services: {web: {ports: [{published: "80", target: 80}, {target: 81, published: "8081"}]}}`},
		{"behind letters of two bytes", "services:\r\n  wéb:\r\n    ports:\r\n    - {name: é, published: 80}\r\n",
			"services:\r\n  wéb:\r\n    ports:\r\n    - {name: é, published: \"80\"}\r\n"},
		{"not with an anchor", "services: {web: {ports: [{published: &p 80}, {published: *p}, {published: 0x50}]}}",
			"services: {web: {ports: [{published: &p 80}, {published: *p}, {published: 0x50}]}}"},
		{"not beside the ports", "services: {web: {ports: [80, \"80:80\"], published: 80}}",
			"services: {web: {ports: [80, \"80:80\"], published: 80}}"},
		{"not where a list is missing", "services: {web: {ports: {published: 80}}}", "services: {web: {ports: {published: 80}}}"},
		{"below a separator of lines", "# \u2028\nservices:\n  web:\n    ports:\n    - published: 80\n",
			"# \u2028\nservices:\n  web:\n    ports:\n    - published: \"80\"\n"},
		{"with other ends of lines", "# a\u0085services:\r  web:\r    ports:\r    - published: 80",
			"# a\u0085services:\r  web:\r    ports:\r    - published: \"80\""},
		{"not in what is no YAML", "services: [{", "services: [{"},
		{"not in an empty file", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(publishedAsText([]byte(c.text), parse([]byte(c.text)))); got != c.want {
				t.Errorf("\n got: %s\nwant: %s", got, c.want)
			}
		})
	}
}

// TestKeysOfSeveralFiles holds that an error names the file that it is in.
func TestKeysOfSeveralFiles(t *testing.T) {
	dir := write(t, map[string]string{"a.yml": "services: {web: {image: a}}\n", "b.yml": "services:\n  web: {image: b}\n  web: {image: c}\n"})
	_, err := Load(t.Context(), Options{Dir: dir, Files: []string{"a.yml", "b.yml"}, Name: "shop"})
	if want := "b.yml:3:3: the key web is in line 2 already: keep one of them"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRouterOf holds by which labels which router is told to use the virtual address.
func TestRouterOf(t *testing.T) {
	one, docker, swarm := "traefik.backend.loadbalancer.swarm", "traefik.docker.lbswarm", "traefik.swarm.lbswarm"
	for _, c := range []struct {
		name   string
		labels []string // of value true
		want   []string
	}{
		{"Traefik 1", []string{"traefik.port", "traefik.frontend.rule"}, []string{one}},
		{"a segment of Traefik 1", []string{"traefik.api.frontend.rule"}, []string{one}},
		{"Traefik 2 or 3", []string{"traefik.enable", "traefik.http.routers.w.rule"}, []string{docker}},
		{"Traefik 3 by its own labels", []string{"traefik.http.routers.w.rule", "traefik.swarm.network"}, []string{swarm}},
		{"any Traefik", []string{"traefik.enable", "traefik.docker.network"}, []string{one, docker}},
		{"both", []string{"traefik.port", "traefik.http.routers.w.rule"}, []string{one, docker}},
		{"large letters", []string{"traefik.http.routers.w.rule", "traefik.docker.Network"}, []string{docker}},
		{"told already", []string{"traefik.http.routers.w.rule", docker}, []string{docker}},
		{"Caddy", []string{"caddy.reverse_proxy"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			labels := map[string]string{}
			for _, l := range c.labels {
				labels[l] = "true"
			}
			got := RouterOf(labels)
			if keys := slices.Sorted(maps.Keys(got.ByAddress)); got.Refresh == 0 || !slices.Equal(keys, c.want) {
				t.Errorf("got %+v, want %v", got, c.want)
			}
		})
	}
	if got := RouterOf(map[string]string{"traefik.enable": "false", "traefik.port": "80"}); got.Refresh != 0 {
		t.Errorf("turned off: %+v", got)
	}
}

// TestTemplates holds that templates of Swarm give both colors what they give the service.
func TestTemplates(t *testing.T) {
	const file = "services:\n  web:\n    image: a\n    expose: [80]\n    hostname: '{{.Service.Name}}-{{.Task.Slot}}'\n" +
		"    environment: {A: '{{ .Service.Name }}', B: '{{index .Service.Labels \"env\"}}/{{index .Service.Labels `no`}}', C: '{{printf \"%q\" .Service.Name}}', D: '{{.Node.Hostname}}'}\n" +
		"    volumes: ['data:/data']\n    deploy: {labels: {env: prod}}\n    BLUEGREEN\n" +
		"volumes: {data: {name: '{{.Service.Name}}-{{index .Service.Labels \"com.docker.stack.namespace\"}}-{{.Task.Slot}}'}}\n"
	p, err := loadText(t, strings.Replace(file, "BLUEGREEN", "x-bluegreen: {}", 1))
	if err != nil {
		t.Fatal(err)
	}
	spec := p.Services[0].Spec.TaskTemplate.ContainerSpec
	got := append(slices.Clone(spec.Env), spec.Hostname, spec.Mounts[0].Source)
	if want := []string{"A=shop_web", "B=prod/", `C={{printf "%q" "shop_web"}}`, "D={{.Node.Hostname}}", "shop_web-{{.Task.Slot}}", "shop_web-shop-{{.Task.Slot}}"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if p, err = loadText(t, strings.Replace(file, "BLUEGREEN", "", 1)); err != nil {
		t.Fatal(err)
	}
	if spec := p.Services[0].Spec.TaskTemplate.ContainerSpec; spec.Hostname != "{{.Service.Name}}-{{.Task.Slot}}" {
		t.Errorf("a plain service got the host name %s", spec.Hostname)
	}
	_, err = loadText(t, `{services: {web: {image: a, expose: [80], volumes: ["data:/d"], x-bluegreen: {}}}, volumes: {data: {name: "x-{{.Service.ID}}"}}}`)
	if want := "stack.yml: service web: volumes: {{.Service.ID}} differs between the colors, so each flip would change the data: name the volume without it"; err == nil || placeless(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestDollarsInEnvFiles holds that a value that is cut is told, by its key alone.
func TestDollarsInEnvFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"stack.yml": "services: {web: {image: a, environment: {P: \"${PASSWORD}\"}}}\n",
		".env":      "A=b\nexport PASSWORD=Tr0ub4dor$Horse9\nHASH=$2y$05$abc\nQUOTED='a$b'\nC=${A}\n",
	})
	p, err := Load(t.Context(), Options{Dir: dir, Files: []string{"stack.yml"}, Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"env file " + filepath.Join(dir, ".env") + ": the value of HASH, PASSWORD: its $ starts the name of a variable that is not set, " +
		"so both are removed: put the value in single quotes, as in NAME='a$b'"}
	if !slices.Equal(p.Warnings, want) {
		t.Errorf("warnings %q, want %q", p.Warnings, want)
	}
}

// TestResolvedText holds that what is printed gives containers the same as the file.
func TestResolvedText(t *testing.T) {
	p, err := loadText(t, "services:\n  web:\n    image: a\n    environment: {BIG: 12345678901234567890, D: 2024-01-01, F: 1234567.0, N: , T: true}\n    deploy: {labels: {n: 12345678901234567890}}\n")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]any{}
	for _, entry := range p.Services[0].Spec.TaskTemplate.ContainerSpec.Env {
		name, value, ok := strings.Cut(entry, "=")
		if env[name] = value; !ok {
			env[name] = nil
		}
	}
	got := tree.Mapping(tree.Dig(p.Resolved, "services", "web", "environment"))
	if !maps.Equal(got, env) || tree.Dig(p.Resolved, "services", "web", "deploy", "labels", "n") != "12345678901234567890" {
		t.Errorf("got %v, want %v; %v", got, env, tree.Dig(p.Resolved, "services", "web", "deploy"))
	}
}

// TestContentOfVariables holds that the error of another key is told.
func TestContentOfVariables(t *testing.T) {
	dir := write(t, map[string]string{"stack.yml": "services: {web: {image: a, comand: x, configs: [c]}}\nconfigs: {c: {environment: CENV}}\n"})
	_, err := Load(t.Context(), Options{Dir: dir, Files: []string{"stack.yml"}, Name: "shop", Environ: []string{"CENV=x"}})
	if err == nil || !strings.Contains(err.Error(), "unknown key comand") || strings.Contains(err.Error(), "exclude") {
		t.Errorf("got %v", err)
	}
}

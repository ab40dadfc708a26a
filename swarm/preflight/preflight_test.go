package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// workers is a swarm of a drained manager and two workers with 2 CPUs and 1 GiB each that holds
// nothing.
func workers() *cluster.Snapshot {
	seen := cluster.NewSnapshot("shop")
	seen.APIVersion = "1.47"
	for i, availability := range []api.NodeAvailability{api.NodeAvailabilityDrain, api.NodeAvailabilityActive, api.NodeAvailabilityActive} {
		n := api.Node{ID: fmt.Sprintf("id%d", i+1), Status: api.NodeStatus{State: api.NodeStateReady}}
		n.Description.Hostname = fmt.Sprintf("n%d", i+1)
		n.Description.Platform = api.Platform{OS: "linux", Architecture: "x86_64"}
		n.Description.Resources = api.Resources{NanoCPUs: 2e9, MemoryBytes: 1 << 30}
		n.Spec.Availability, n.Spec.Role = availability, api.NodeRoleWorker
		n.Spec.Labels = map[string]string{"disk": "ssd"}
		seen.Nodes[n.ID] = n
	}
	return seen
}

// more adds nodes.
func more(number int) func(*cluster.Snapshot) {
	return func(seen *cluster.Snapshot) {
		for i := range number {
			n := seen.Nodes["id2"]
			n.ID = fmt.Sprint("more", i)
			seen.Nodes[n.ID] = n
		}
	}
}

// engines makes managers of all nodes, with these versions of Docker Engine in turn.
func engines(versions ...string) func(*cluster.Snapshot) {
	return func(s *cluster.Snapshot) {
		for i, id := range slices.Sorted(maps.Keys(s.Nodes)) {
			n := s.Nodes[id]
			n.ManagerStatus = &api.ManagerStatus{}
			n.Description.Engine.EngineVersion = versions[i%len(versions)]
			s.Nodes[id] = n
		}
	}
}

// placed are tasks for all services that a swarm holds, spread over the workers.
func placed(seen *cluster.Snapshot) []api.Task {
	var tasks []api.Task
	for _, svc := range seen.Services() {
		seen.ServiceNames[svc.ID] = svc.Spec.Name
		for i := range int(svc.ServiceStatus.RunningTasks) {
			t := api.Task{ID: fmt.Sprint(svc.ID, i), ServiceID: svc.ID, Slot: i + 1, NodeID: fmt.Sprintf("id%d", 2+i%2), Spec: svc.Spec.TaskTemplate,
				DesiredState: api.TaskStateRunning, Status: api.TaskStatus{State: api.TaskStateRunning}}
			if svc.Spec.EndpointSpec != nil {
				t.Status.PortStatus.Ports = svc.Spec.EndpointSpec.Ports
			}
			tasks = append(tasks, t)
		}
	}
	return tasks
}

func TestPreflight(t *testing.T) {
	const service = "services:\n  web:\n    image: web:1\n    expose: [8080]\n    x-bluegreen: {proxy: {deploy: {replicas: 1}}}\n    deploy: "
	for _, tc := range []struct {
		name, before, file string
		seen               func(*cluster.Snapshot)
		want               string // problems and warnings
	}{
		{"fits", "", service + "{replicas: 2, resources: {reservations: {cpus: '2', memory: 1G}}, placement: {max_replicas_per_node: 1, constraints: [node.labels.disk == SSD, node.hostname != n1]}}", nil, ""},
		{"no such node", "", service + "{placement: {constraints: [node.labels.disk == hdd]}}", nil,
			"service web: no node that takes tasks meets deploy.placement.constraints (node.labels.disk == hdd): label one with `docker node update --label-add`, or change the constraints\n"},
		{"all drained", "", "services: {db: {image: db}}", func(s *cluster.Snapshot) { drain(s) },
			"service db: no node takes tasks: see `docker node ls`, and make one active with `docker node update --availability active NODE`\n"},
		{"global on no node", "", "services: {db: {image: db, deploy: {mode: global, placement: {constraints: [node.role == manager]}}}}", nil, ""},
		{"max replicas", "", service + "{replicas: 3, placement: {max_replicas_per_node: 1}}", nil,
			"service web: blue: 3 replicas do not fit on 2 nodes with max_replicas_per_node: 1: raise it, add nodes or lower deploy.replicas\n"},
		{"too much reserved", "", service + "{replicas: 3, resources: {reservations: {memory: 600M}}}", nil,
			"service web: blue: 3 tasks that reserve 600MiB of memory each, and there is room for 2 on 2 nodes (the emptiest has 2 CPUs, 1GiB of memory free); while a release starts, both colors run: lower deploy.resources.reservations, or add a node\n"},
		{"both colors do not fit", service + "{replicas: 2, resources: {reservations: {cpus: '1.5'}}}", service + "{replicas: 2, resources: {reservations: {cpus: '1.5'}}}", nil,
			"service web: green: 2 tasks that reserve 1.5 CPUs each, and there is room for 0 on 2 nodes (the emptiest has 0.5 CPUs, 1GiB of memory free); while a release starts, both colors run: lower deploy.resources.reservations, or add a node\n"},
		{"a plain service replaces its own", "services: {db: {image: db:1, deploy: {replicas: 2, resources: {reservations: {cpus: '1.5'}}}}}",
			"services: {db: {image: db:1, deploy: {replicas: 2, resources: {reservations: {cpus: '1.5'}}}}}", nil, ""},
		{"generic resources", "", "services: {ai: {image: ai, deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 1}}]}}}}}", nil,
			"service ai: its tasks: 1 task that reserves 1 gpu, and there is room for 0 on 2 nodes (the emptiest has 2 CPUs, 1GiB of memory free): lower deploy.resources.reservations, or add a node\n"},
		{"host port", "", "services: {db: {image: db, ports: [{target: 1, published: 80, mode: host}], deploy: {replicas: 3}}}", nil,
			"service db: 3 tasks want port 80/tcp of a node (mode: host), and 2 nodes have it free: use another port, fewer replicas or mode: ingress\n"},
		{"host port of two", "", "services:\n  a: {image: a, ports: [{target: 1, published: 80, mode: host}], deploy: {mode: global}}\n  b: {image: b, ports: [{target: 1, published: 80, mode: host}]}", nil,
			"service a, b: 3 tasks want port 80/tcp of a node (mode: host), and 2 nodes have it free: use another port, fewer replicas or mode: ingress\n"},
		{"host port held", "services: {a: {image: a, ports: [{target: 1, published: 80, mode: host}]}}",
			"services:\n  a: {image: 'a', ports: [{target: 1, published: 80, mode: host}]}\n  b: {image: b, ports: [{target: 1, published: 80, mode: host}], deploy: {replicas: 2}}", nil,
			"service b: 2 tasks want port 80/tcp of a node (mode: host), and 1 node has it free; it is held by shop_a.1 on n2: use another port, fewer replicas or mode: ingress\n"},
		{"ingress port", "", "services:\n  a: {image: a, ports: ['80:1']}\n  b: {image: b, ports: ['81:1']}", func(s *cluster.Snapshot) { s.Add(plainOf("other", "web", "other:1", []string{"81"}, nil)) },
			"service b: it publishes port 81/tcp, but service other_web has that port: publish another port; if you mean stack other, run the command with `-p other`\n"},
		{"ingress port of two", "", "services:\n  a: {image: a, ports: ['80:1']}\n  b: {image: b, ports: ['80:1', '80:1/udp']}", nil,
			"service b: it publishes port 80/tcp, but service shop_a has that port: publish another port\n"},
		{"small network", "", "services:\n  a: {image: a, deploy: {replicas: 13}}\nnetworks: {default: {ipam: {config: [{subnet: 10.9.0.0/28}]}}}", nil,
			"network shop_default (10.9.0.0/28) has 13 addresses, 0 are in use and a need 14 more, for both colors, proxies and virtual addresses: give it a larger subnet (networks.….ipam.config), or lower deploy.replicas\n"},
		{"large enough network", "", "services:\n  a: {image: a, deploy: {replicas: 12}}\nnetworks: {default: {ipam: {config: [{subnet: 10.9.0.0/28}]}}}", nil, ""},
		{"small control network", "", "services:\n  web: {image: web, expose: [80], deploy: {replicas: 1}, x-bluegreen: {proxy: {deploy: {replicas: 8}}}}\nx-bluegreen: {control: {subnet: 10.9.0.0/28}}", nil,
			"network shop-bluegreen_control (10.9.0.0/28) has 13 addresses, 0 are in use and web need 15 more, for proxies, orders, nodes and virtual addresses: " +
				"give it a larger one with x-bluegreen.control: {subnet: 10.77.0.0/20} at the top of the file, in a range that nothing else uses\n"},
		{"large enough control network", "", "services:\n  web: {image: web, expose: [80], deploy: {replicas: 1}, x-bluegreen: {proxy: {deploy: {replicas: 6}}}}\nx-bluegreen: {control: {subnet: 10.9.0.0/28}}", nil, ""},
		{"global on many nodes", "", "services:\n  web: {image: web, expose: [80], networks: [a], deploy: {mode: global}, x-bluegreen: {}}\nnetworks: {a: {ipam: {config: [{subnet: 10.8.0.0/20}]}}}", more(70),
			"service web: blue: 72 tasks are more than 60, and one answer of docker's DNS lists no more: choose fewer nodes with deploy.placement.constraints\n"},
		{"global proxies on many nodes", "", "services:\n  web: {image: web, expose: [80], networks: [a], x-bluegreen: {proxy: {deploy: {mode: global}}}}\nnetworks: {a: {ipam: {config: [{subnet: 10.8.0.0/20}]}}}", more(70),
			"service web: its proxies: 72 tasks are more than 60, and one answer of docker's DNS lists no more: choose fewer nodes with x-bluegreen.proxy.deploy.placement.constraints\n"},
		{"host network", "", "services:\n  a: {image: a, networks: [h], deploy: {replicas: 300}}\nnetworks: {h: {external: true, name: host}}", func(s *cluster.Snapshot) {
			s.Networks["host"] = network.Summary{Name: "host", ID: "h", Driver: "host", Scope: "swarm"}
		}, ""},
		{"managers before and after engine 25", "", "services:\n  web: {image: web, expose: [80], x-bluegreen: {}}", engines("20.10.24", "29.0.0"),
			"managers run Docker Engine 20.10.24 and 29.0.0: when another one of them leads, or a command talks to another one, " +
				"Swarm restarts all tasks with a healthcheck of a service that is written, also proxies and active colors: update all managers first\n"},
		{"managers after engine 25", "", "services:\n  web: {image: web, expose: [80], x-bluegreen: {}}", engines("28.5.2", "29.0.0"), ""},
		{"plain services and any managers", "", "services:\n  web: {image: web}", engines("20.10.24", "29.0.0"), ""},
		{"shared volume", "", "services:\n  web:\n    image: web\n    expose: [80]\n    volumes: ['data:/data', 'conf:/conf:ro', '/var/run/docker.sock:/var/run/docker.sock', '/srv:/srv']\n    x-bluegreen: {}\nvolumes: {data: {}, conf: {}}", nil,
			"service web: while a release starts, both colors run and write to shop_data (at /data), /srv (at /srv): mount it read_only, or make sure that two releases can share it\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := workers()
			if tc.before != "" {
				plantest.CarriedOut(seen, plantest.For(t, seen, tc.before, plan.UpOptions{}))
			}
			if tc.seen != nil {
				tc.seen(seen)
			}
			file := strings.ReplaceAll(tc.file, "web:1", "web:2")
			f := &Findings{project: plantest.LoadShop(t, file), seen: seen, tasks: placed(seen), plan: plantest.For(t, seen, file, plan.UpOptions{})}
			f.check()
			got := strings.Join(append(f.Problems, f.Warnings...), "\n")
			if got != strings.TrimSuffix(tc.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}

func drain(s *cluster.Snapshot) {
	for id, n := range s.Nodes {
		n.Spec.Availability = api.NodeAvailabilityDrain
		s.Nodes[id] = n
	}
}

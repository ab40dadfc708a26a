package preflight

import (
	"testing"

	api "github.com/docker/docker/api/types/swarm"
)

// Constraints mean to us what they mean to the swarm.
func TestConstraints(t *testing.T) {
	n := api.Node{ID: "id1", Status: api.NodeStatus{Addr: "192.168.7.4"}}
	n.Description.Hostname = "n1"
	n.Description.Platform = api.Platform{OS: "linux", Architecture: "x86_64"}
	n.Description.Engine.Labels = map[string]string{"storage": "ssd"}
	n.Spec.Role, n.Spec.Labels = api.NodeRoleWorker, map[string]string{"Zone": "a"}
	for _, tc := range []struct {
		constraint string
		want       bool
	}{
		{"node.id == id1", true}, {"node.id==ID1", true}, {"node.id == id2", false}, {"node.id != id2", true},
		{"node.hostname == N1", true}, {"node.hostname != n1", false},
		{"node.role == worker", true}, {"node.role == manager", false},
		{"node.ip == 192.168.7.4", true}, {"node.ip == 192.168.7.5", false}, {"node.ip == 192.168.0.0/16", true}, {"node.ip == 10.0.0.0/8", false},
		{"node.ip != 10.0.0.0/8", true}, {"node.ip == here", false},
		{"node.platform.os == Linux", true}, {"node.platform.os == windows", false},
		{"node.platform.arch == x86_64", true}, {"node.platform.arch == arm64", false},
		{"node.labels.Zone == A", true}, {"node.labels.zone == a", false}, {"node.labels.Zone != a", false}, {"node.labels.rack != a", true},
		{"engine.labels.storage == ssd", true}, {"engine.labels.storage == hdd", false},
		{"node.shape == round", false}, {"node.shape != round", true},
		{"not a constraint", true}, // the swarm refuses it itself
	} {
		t.Run(tc.constraint, func(t *testing.T) {
			if got := meets(n, []string{"node.hostname == n1", tc.constraint}[1:]); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
			if got := meets(n, []string{"node.hostname == n1", tc.constraint}); tc.constraint != "node.hostname != n1" && got != tc.want {
				t.Errorf("with another that it meets: %v, want %v", got, tc.want)
			}
		})
	}
	n.Status.Addr = "" // a manager that is just coming
	if meets(n, []string{"node.ip == 192.168.7.4"}) {
		t.Error("a node without an address has one")
	}
}

// Kernels and images call the same processor otherwise.
func TestPlatforms(t *testing.T) {
	node := func(os, arch string) api.Node {
		n := api.Node{}
		n.Description.Platform = api.Platform{OS: os, Architecture: arch}
		return n
	}
	for _, tc := range []struct {
		name      string
		node      api.Node
		platforms []api.Platform
		want      bool
	}{
		{"any", node("linux", "x86_64"), nil, true},
		{"amd64", node("linux", "x86_64"), []api.Platform{{OS: "linux", Architecture: "amd64"}}, true},
		{"arm64", node("linux", "aarch64"), []api.Platform{{OS: "linux", Architecture: "arm64"}}, true},
		{"arm", node("linux", "armv7l"), []api.Platform{{OS: "linux", Architecture: "arm"}}, true},
		{"arm on arm64", node("linux", "aarch64"), []api.Platform{{OS: "linux", Architecture: "arm"}}, false},
		{"one of two", node("linux", "aarch64"), []api.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "ARM64"}}, true},
		{"riscv64", node("linux", "riscv64"), []api.Platform{{OS: "linux", Architecture: "riscv64"}}, true},
		{"another system", node("windows", "x86_64"), []api.Platform{{OS: "linux", Architecture: "amd64"}}, false},
		{"any system", node("windows", "x86_64"), []api.Platform{{Architecture: "amd64"}}, true},
		{"any processor", node("linux", "s390x"), []api.Platform{{OS: "linux"}}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := runsOn(tc.node, tc.platforms); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
	if got, want := platformNames([]api.Platform{{OS: "linux", Architecture: "arm64"}, {OS: "windows"}, {Architecture: "amd64"}}), "linux/arm64, windows, amd64"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

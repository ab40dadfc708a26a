package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func node(name string, change func(*api.Node)) api.Node {
	n := api.Node{ID: "id of " + name}
	n.Description.Hostname, n.Status.State, n.Spec.Availability = name, api.NodeStateReady, api.NodeAvailabilityActive
	n.Description.Engine.EngineVersion = "28.5.2"
	n.Description.Platform = api.Platform{OS: "linux", Architecture: "x86_64"}
	if change != nil {
		change(&n)
	}
	return n
}

func manages(leads bool, r api.Reachability) func(*api.Node) {
	return func(n *api.Node) { n.ManagerStatus = &api.ManagerStatus{Leader: leads, Reachability: r} }
}

// service is one of the stack shop, with labels in pairs.
func service(name, image string, labels ...string) api.Service {
	svc := api.Service{ID: "id of " + name, Spec: api.ServiceSpec{Annotations: api.Annotations{Name: name, Labels: map[string]string{cluster.LabelStack: "shop", cluster.LabelNamespace: "shop-bluegreen"}}}}
	for i := 0; i < len(labels); i += 2 {
		svc.Spec.Labels[labels[i]] = labels[i+1]
	}
	svc.Spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: image}
	svc.Spec.Mode.Replicated = &api.ReplicatedService{Replicas: new(uint64(1))}
	return svc
}

const digest = "@sha256:aaaa"

// well is a swarm of three nodes with one stack on which nothing is wrong.
func well() *Seen {
	s := &Seen{APIVersion: "1.51", Asked: noon, Took: 20 * time.Millisecond, Engine: system.Info{Name: "n1", ServerVersion: "28.5.2", SystemTime: "2026-03-01T12:00:01Z",
		Swarm: api.Info{LocalNodeState: api.LocalNodeStateActive, ControlAvailable: true}}}
	release := api.ConfigSpec{Annotations: api.Annotations{Name: "shop-bluegreen_web-release-2", Labels: map[string]string{cluster.LabelNamespace: "shop-bluegreen", cluster.LabelStack: "shop",
		cluster.LabelRole: cluster.RoleRelease, cluster.LabelService: "web", cluster.LabelColor: "green", cluster.LabelRelease: "2",
		cluster.LabelLog: `[{"at":"2026-03-01T11:50:00Z","what":"state"}]`}}, Data: []byte(`{"Labels":{},"TaskTemplate":{"ContainerSpec":{}}}`)}
	s.Listed = &cluster.Listed{
		Nodes: []api.Node{node("n1", manages(true, api.ReachabilityReachable)), node("n2", nil), node("n3", nil)},
		Networks: []network.Summary{{Name: "shop-bluegreen_control", ID: "control", Scope: "swarm", Labels: map[string]string{cluster.LabelNamespace: "shop-bluegreen", cluster.LabelStack: "shop"},
			IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: "10.0.1.0/24"}}}}},
		Configs: []api.Config{{ID: "release", Spec: release}},
		Services: []api.Service{
			service("shop_web", "haproxy"+digest, cluster.LabelRole, cluster.RoleProxy, cluster.LabelService, "web", "bluegreen.alias.web", "2:green", cluster.LabelSettings, "{}"),
			service("shop_web-blue", "web:1"+digest, cluster.LabelRole, cluster.RoleColor, cluster.LabelService, "web", cluster.LabelColor, "blue", cluster.LabelRelease, "1"),
			service("shop_web-green", "web:2"+digest, cluster.LabelRole, cluster.RoleColor, cluster.LabelService, "web", cluster.LabelColor, "green", cluster.LabelRelease, "2"),
		},
	}
	for i, svc := range s.Listed.Services {
		t := api.Task{ID: fmt.Sprint("task", i), ServiceID: svc.ID, NodeID: fmt.Sprintf("id of n%d", i+1), Slot: 1, DesiredState: api.TaskStateRunning,
			Meta: api.Meta{CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon.Add(-time.Hour + 3*time.Second)}, Status: api.TaskStatus{State: api.TaskStateRunning, Timestamp: noon.Add(-time.Hour + 2*time.Second)}}
		t.Spec.ContainerSpec = svc.Spec.TaskTemplate.ContainerSpec
		s.Tasks = append(s.Tasks, t)
	}
	s.Stacks = []Stack{{Name: "shop"}}
	return s
}

// found are the findings that are not ok, each in two lines.
func found(s *Seen) string {
	for i := range s.Stacks {
		if s.Listed != nil {
			s.Stacks[i].Snapshot, s.Stacks[i].Err = s.Listed.Of(s.Stacks[i].Name)
		}
	}
	var out []string
	for _, f := range Examine(s, "").Findings {
		if f.Level != OK {
			out = append(out, fmt.Sprintf("%s %s [%s] %s\n-> %s", f.Level, f.Check, f.Subject, f.Cause, f.Way))
		}
	}
	return strings.Join(out, "\n")
}

// proxy, blue and green are services of what was seen.
func proxy(s *Seen) *api.Service { return &s.Listed.Services[0] }
func blue(s *Seen) *api.Service  { return &s.Listed.Services[1] }
func green(s *Seen) *api.Service { return &s.Listed.Services[2] }

func config(s *Seen, name string, labels ...string) {
	c := service(name, "", labels...)
	s.Listed.Configs = append(s.Listed.Configs, api.Config{ID: "id of " + name, Spec: api.ConfigSpec{Annotations: c.Spec.Annotations, Data: []byte("{}")}})
}

// What is wrong with the swarm itself.
func TestSwarmFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Seen)
		want   string
	}{
		"nothing": {func(*Seen) {}, ""},
		"no engine": {func(s *Seen) { s.EngineErr, s.Listed = errors.New("Cannot connect to the Docker daemon"), nil },
			"error engine [] the engine does not answer: Cannot connect to the Docker daemon\n-> start it (`systemctl start docker`), or name a manager with --context or DOCKER_HOST: `docker context ls` lists contexts"},
		"no swarm": {func(s *Seen) { s.Engine.Swarm = api.Info{LocalNodeState: api.LocalNodeStateInactive}; s.Listed = nil },
			"error engine [n1] the engine is not in a swarm\n-> `docker swarm init`, or name a manager with --context or DOCKER_HOST"},
		"a worker": {func(s *Seen) {
			s.Engine.Swarm = api.Info{LocalNodeState: api.LocalNodeStateActive, RemoteManagers: []api.Peer{{Addr: "10.1.0.2:2377"}}}
			s.Listed = nil
		}, "error engine [n1] the engine is a worker of the swarm, and only managers take commands\n-> name a manager with --context or DOCKER_HOST (managers listen on 10.1.0.2:2377)"},
		"locked": {func(s *Seen) { s.Engine.Swarm.LocalNodeState = api.LocalNodeStateLocked },
			"error engine [n1] its part of the swarm is locked since the engine was started\n-> `docker swarm unlock`"},
		"an old engine": {func(s *Seen) { s.APIVersion = "1.40" },
			"error engine [n1] the engine speaks API version 1.40, and orders need version 1.41\n-> use Docker Engine 20.10 or newer"},
		"no leader": {func(s *Seen) { s.Listed, s.ListErr = nil, errors.New("The swarm does not\nhave a leader") },
			"error managers [] the managers do not answer: The swarm does not have a leader\n-> start the managers again; if the others are lost for good, `docker swarm init --force-new-cluster` on the last one"},
		"a question is refused": {func(s *Seen) { s.Listed, s.ListErr = nil, errors.New("list secrets: 403 Forbidden") },
			"error managers [] a manager does not answer all questions: list secrets: 403 Forbidden\n-> try again; what stands between here and the engine may refuse a question, such as a proxy of its socket"},
		"a manager is lost": {func(s *Seen) {
			s.Listed.Nodes[1] = node("n2", manages(false, api.ReachabilityReachable))
			s.Listed.Nodes[2] = node("n3", manages(false, api.ReachabilityUnreachable))
		}, "error managers [n3] the manager cannot be reached\n-> start it again; if it will not return, `docker node demote n3` and `docker node rm --force n3`\n" +
			"warning managers [] 2 of 3 managers can be reached, and 2 must be: if one more is lost, no command works (traffic goes on)\n-> add managers until 3 or 5 can be reached: `docker node promote NODE`"},
		"nodes": {func(s *Seen) {
			s.Listed.Nodes[1].Status = api.NodeStatus{State: api.NodeStateDown, Message: "heartbeat failure"}
			s.Listed.Nodes[2].Description.Engine.EngineVersion = "20.10.24"
			s.Listed.Nodes[0].Spec.Availability = api.NodeAvailabilityDrain
			s.Tasks = nil
			s.Stacks = nil
		}, "error nodes [n2] the node is down (heartbeat failure): while proxies may run there, commands that move traffic end with exit code 4\n-> start it again; if it will not return, `docker node rm --force n2`\n" +
			"warning nodes [] nodes run several versions of Docker Engine: 20.10.24 on n3; 28.5.2 on n1, n2\n-> update the older ones"},
		"nothing is active": {func(s *Seen) {
			for i := range s.Listed.Nodes {
				s.Listed.Nodes[i].Spec.Availability = api.NodeAvailabilityPause
			}
		}, "error nodes [] no node takes tasks\n-> `docker node update --availability active NODE`"},
		"the engine's clock": {func(s *Seen) { s.Engine.SystemTime = "2026-03-01T11:59:00Z" },
			"warning clocks [n1] the clock of the engine is 1m0s behind that of this machine: guards, promote: TIME and logs --since go by clocks\n-> set the clock by a time server (`timedatectl set-ntp true`), there or here"},
		"clocks of nodes": {func(s *Seen) {
			s.Tasks[1].Status.Timestamp = noon
			s.Tasks[2].Status.Timestamp = noon.Add(-2 * time.Hour)
		}, "warning clocks [n2] when its newest task started, its clock was at least 59m57s ahead of that of the managers\n-> set the clock by a time server (`timedatectl set-ntp true`) there\n" +
			"warning clocks [n3] when its newest task started, its clock was at least 1h0m0s behind that of the managers\n-> set the clock by a time server (`timedatectl set-ntp true`) there"},
	} {
		t.Run(name, func(t *testing.T) {
			s := well()
			tc.change(s)
			if got := found(s); got != tc.want {
				t.Errorf("found\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// What is wrong with a stack.
func TestStackFindings(t *testing.T) {
	up := "`docker bluegreen up -p shop`"
	for name, tc := range map[string]struct {
		change func(*Seen)
		want   string
	}{
		"no control network": {func(s *Seen) { s.Listed.Networks = nil },
			"error network [shop-bluegreen_control] the control network does not exist: proxies take no orders\n-> " + up + " makes it again"},
		"a small control network": {func(s *Seen) {
			s.Listed.Networks[0].IPAM.Config[0].Subnet = "10.0.1.0/29"
			s.Listed.Networks = append(s.Listed.Networks, network.Summary{Name: "lan", ID: "lan", IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: "10.0.0.0/16"}}}})
		}, "warning network [shop-bluegreen_control] the range 10.0.1.0/29 has 5 addresses, 0 are in use, and nodes, orders and a roll of the proxies need 6 more\n" +
			"-> write a larger range, x-bluegreen.control: {subnet: 10.77.0.0/20}, at the top of the file; then `docker bluegreen down -p shop` and " + up + ", during which nothing answers\n" +
			"warning network [shop-bluegreen_control] its range 10.0.1.0/29 overlaps with that of network lan\n-> give one of them another range"},
		"a flip": {func(s *Seen) { proxy(s).Spec.Labels[cluster.LabelNext] = "3:blue" },
			"warning routes [web] a flip to blue has begun and not ended\n-> run the same command again, or `docker bluegreen rollback -p shop web`"},
		"a flip that goes on": {func(s *Seen) {
			proxy(s).Spec.Labels[cluster.LabelNext] = "3:blue"
			s.Stacks[0].Lock = &Lock{By: "ann", Since: noon.Add(-time.Minute)}
		}, ""},
		"a label": {func(s *Seen) { proxy(s).Spec.Labels["bluegreen.alias.web"] = "nowhere" },
			"error routes [web] service web: label bluegreen.alias.web of shop_web: \"nowhere\" is not a route: it should read like 7:green: write it again with `docker service update --label-add bluegreen.alias.web=SEQUENCE:COLOR shop_web`\n-> " + up + ", or as the message says"},
		"the active color is gone": {func(s *Seen) { s.Listed.Services = s.Listed.Services[:2] },
			"error routes [web] the alias leads to green, and there is no service shop_web-green\n-> " + up + ", or `docker bluegreen rollback -p shop web`"},
		"a pause": {func(s *Seen) { proxy(s).Spec.Labels["bluegreen.alias.web"] = "3:green::hold-30" }, ""},
		"a long pause": {func(s *Seen) {
			proxy(s).Spec.Labels["bluegreen.alias.web"] = "3:green::hold-30"
			s.Asked, s.Engine.SystemTime = noon.Add(3*time.Hour), "2026-03-01T15:00:00Z"
		}, "warning routes [web] requests wait for 3 hours\n-> `docker bluegreen resume -p shop web` ends that"},
		"a trip": {func(s *Seen) {
			proxy(s).Spec.Labels["bluegreen.alias.web"] = "3:green:::tripped"
			proxy(s).Spec.Labels[cluster.LabelTripped] = "5 % of 100 failed"
		}, "warning routes [web] its guard has sent the traffic back to green: 5 % of 100 failed\n-> correct the release and run " + up + "; `docker bluegreen history -p shop web` says more"},
		"a guard that is over": {func(s *Seen) { proxy(s).Spec.Labels["bluegreen.alias.web"] = "2:green:::1764184000" },
			"warning routes [web] the proxies have watched the release on green for its time, and no command has written that down\n-> `docker bluegreen wait -p shop web` says what has come of it"},
		"not verified": {func(s *Seen) { green(s).Spec.Labels[cluster.LabelUnverified] = "x" },
			"warning routes [web] release 2 on green has the traffic and has not passed its verification\n-> " + up + " verifies it, `docker bluegreen rollback -p shop web` goes back"},
		"withdrawn": {func(s *Seen) { blue(s).Spec.Labels[cluster.LabelWithdrawn] = "1" },
			"warning routes [web] the release on blue was about to be taken away, and that did not end\n-> `docker bluegreen rollback -p shop web`"},
		"half-way": {func(s *Seen) {
			config(s, "saved", cluster.LabelRole, cluster.RoleSaved, cluster.LabelService, "web", cluster.LabelColor, "blue")
		}, "warning routes [web] shop_web-blue is half-way to another release: a command was ended there\n-> " + up + " again, or `docker bluegreen rollback -p shop web`"},
		"a paused update": {func(s *Seen) {
			proxy(s).UpdateStatus = &api.UpdateStatus{State: api.UpdateStatePaused, Message: "update paused due to failure of task x"}
		}, "error services [shop_web] Swarm has paused its update: update paused due to failure of task x\n-> correct what fails, and run " + up + ": it writes the update again"},
		"a rollback by Swarm": {func(s *Seen) {
			proxy(s).UpdateStatus = &api.UpdateStatus{State: api.UpdateStateRollbackCompleted, Message: "rollback completed"}
		}, "warning services [shop_web] its last update was rolled back: rollback completed\n-> " + up + " with a version that works"},
		"tasks": {func(s *Seen) {
			for i := range 2 {
				s.Tasks[1+i].Status = api.TaskStatus{State: api.TaskStateRejected, Err: "No such image: web:2", Timestamp: noon}
			}
		}, "error services [shop_web-green] 0 of 1 tasks run: shop_web-green.1: No such image: web:2; the node could not pull it: check that it can reach the registry. If the registry needs a login, run `docker login` and `docker bluegreen up --with-registry-auth`\n" +
			"-> `docker service ps --no-trunc shop_web-green`\n" +
			"warning services [shop_web-blue] 0 of 1 tasks run: shop_web-blue.1: No such image: web:2; the node could not pull it: check that it can reach the registry. If the registry needs a login, run `docker login` and `docker bluegreen up --with-registry-auth`\n" +
			"-> `docker service ps --no-trunc shop_web-blue`"},
		"fewer replicas": {func(s *Seen) { blue(s).Spec.Labels[cluster.LabelReduced] = "2 of 3" },
			"warning services [shop_web-blue] a command was killed and has left fewer replicas, 2 of 3\n-> " + up + " gives them back, and so does any other command that changes the stack"},
		"images": {func(s *Seen) {
			s.Listed.Nodes[2].Description.Platform.Architecture = "aarch64"
			green(s).Spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: "web:2"}
			for _, svc := range []*api.Service{proxy(s), blue(s)} {
				svc.Spec.TaskTemplate.Placement = &api.Placement{Platforms: []api.Platform{{OS: "linux"}}}
			}
		}, "warning images [shop_web-green] nodes have several platforms (linux/aarch64, linux/x86_64), and Swarm does not know for which the image is\n" +
			"-> `docker bluegreen up -p shop --resolve-image always` where the registry can be reached, or deploy.placement.constraints with node.platform.arch\n" +
			"warning images [shop_web-green] the image has no digest: each node runs what it has under that tag, or pulls at that moment\n-> `docker bluegreen up -p shop --resolve-image always` where the registry can be reached"},
		"a lock": {func(s *Seen) {
			s.Stacks[0].Lock = &Lock{By: "`docker bluegreen up` of ann", Since: noon.Add(-2 * time.Hour), Gone: "its process has ended"}
		}, "warning lock [shop-bluegreen-lock] `docker bluegreen up` of ann has left its lock behind: its process has ended\n-> run that command again: it takes the lock over"},
		"a long lock": {func(s *Seen) {
			s.Stacks[0].Lock = &Lock{By: "`docker bluegreen up` of ann", Since: noon.Add(-2 * time.Hour)}
		},
			"warning lock [shop-bluegreen-lock] `docker bluegreen up` of ann works for 2 hours\n-> ask who runs it; other commands wait meanwhile"},
		"an order": {func(s *Seen) {
			job := service("shop-bluegreen_order-1", "haproxy", cluster.LabelRole, cluster.RoleOrder)
			job.CreatedAt = noon.Add(-time.Minute)
			s.Listed.Services = append(s.Listed.Services, job)
			s.Tasks = append(s.Tasks, api.Task{ServiceID: job.ID, Meta: api.Meta{UpdatedAt: noon.Add(-40 * time.Second)}, Status: api.TaskStatus{State: api.TaskStateComplete}})
		}, "warning leftovers [shop-bluegreen_order-1] the job of an order that ended long ago\n-> `docker service rm shop-bluegreen_order-1`; the next command that changes the stack does it, too"},
		"an order that runs": {func(s *Seen) {
			job := service("shop-bluegreen_order-1", "haproxy", cluster.LabelRole, cluster.RoleOrder)
			job.CreatedAt = noon.Add(-time.Minute)
			s.Listed.Services = append(s.Listed.Services, job)
			s.Tasks = append(s.Tasks, api.Task{ServiceID: job.ID, Status: api.TaskStatus{State: api.TaskStateRunning}})
		}, ""},
		"all services are gone": {func(s *Seen) { s.Listed.Services, s.Tasks = nil, nil },
			"warning leftovers [shop-bluegreen_control] the control network of a stack without blue-green services\n-> `docker network rm shop-bluegreen_control`\n" +
				"warning leftovers [web] 1 release config of a service that does not exist any more\n-> `docker config rm shop-bluegreen_web-release-2`"},
		"the first up works": {func(s *Seen) {
			s.Listed.Services, s.Listed.Configs, s.Tasks = nil, nil, nil
			s.Stacks[0].Lock = &Lock{By: "ann@desk (pid 7)", Since: noon.Add(-time.Minute)}
		}, ""},
		"a service that has done its work": {func(s *Seen) {
			svc := service("shop_seed", "seed"+digest)
			svc.Spec.TaskTemplate.RestartPolicy = &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure}
			s.Listed.Services = append(s.Listed.Services, svc)
			s.Tasks = append(s.Tasks, api.Task{ServiceID: svc.ID, Slot: 1, DesiredState: api.TaskStateShutdown, Status: api.TaskStatus{State: api.TaskStateComplete}})
		}, ""},
		"old files": {func(s *Seen) {
			config(s, "shop-bluegreen_haproxy.cfg-1", cluster.LabelRole, cluster.RoleFile)
			config(s, "shop_conf-1", cluster.LabelNamespace, "shop", cluster.LabelVersionOf, "shop_conf")
			config(s, "shop_conf", cluster.LabelNamespace, "shop")
			green(s).Spec.TaskTemplate.ContainerSpec.Configs = []*api.ConfigReference{{ConfigName: "shop_conf-1", ConfigID: "id of shop_conf-1"}}
		}, "warning leftovers [shop-bluegreen_haproxy.cfg-1] nothing uses this generated file any more\n-> `docker config rm shop-bluegreen_haproxy.cfg-1`\n" +
			"warning leftovers [shop_conf] an old version of the config shop_conf, that nothing uses any more\n-> `docker config rm shop_conf`"},
		"drift": {func(s *Seen) { s.Stacks[0].Live, s.Stacks[0].Drift = true, []string{"service web: no proxy runs"} },
			"error drift [] service web: no proxy runs\n-> run the last up, flip or rollback again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := well()
			tc.change(s)
			if got := found(s); got != tc.want {
				t.Errorf("found\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// Where nothing is wrong, each check says so, and what it has looked at.
func TestAllIsWell(t *testing.T) {
	s := well()
	found(s)
	var got []string
	for _, f := range Examine(s, "shop").Findings {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Stack, f.Check, f.Cause)))
	}
	want := []string{
		"engine Docker Engine 28.5.2 on n1, a manager, API version 1.51",
		"managers 1 manager, n1 leads",
		"nodes 3 of 3 nodes up and active",
		"clocks the clock of the engine agrees with that of this machine, and those of nodes as far as their tasks tell",
		"shop network shop-bluegreen_control (10.0.1.0/24), 0 of 253 addresses in use",
		"shop routes 1 blue-green service, no flip is under way",
		"shop services 3 services, all tasks run",
		"shop images all images have a digest",
		"shop lock nobody works on the stack",
		"shop leftovers nothing is left behind",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

package bluegreen

import (
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/swarm"
	units "github.com/docker/go-units"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// ImageFault is the part of err that tells what to change.
func ImageFault(err error) string {
	return strings.TrimPrefix(err.Error(), "invalid reference format: ")
}

// validPath are the characters that a URL may have, without those that mean something to HAProxy.
var validPath = regexp.MustCompile(`^/[A-Za-z0-9._~!&()*+,;=:@%/?-]*$`)

// What deploy.mode of proxies can be.
const (
	replicated = "replicated"
	global     = "global"
)

func decodeProxy(f field) ProxySettings {
	keys := f.keys("image", "deploy")
	image := keys["image"].text(DefaultProxyImage)
	if _, err := reference.ParseAnyReference(image); err != nil {
		keys["image"].errorf("%q is not an image name: %s", image, ImageFault(err))
	}
	deploy := keys["deploy"].keys("replicas", "mode", "placement", "resources")
	settings := ProxySettings{
		Image:     image,
		Mode:      deploy["mode"].oneOf("", replicated, global),
		Placement: decodePlacement(deploy["placement"]),
		Resources: decodeResources(deploy["resources"]),
	}
	if deploy["replicas"].given() {
		count := uint64(deploy["replicas"].number(1, 1, MaxReplicas))
		settings.Replicas = &count
		if settings.Mode == global {
			deploy["replicas"].errorf("mode global runs one proxy on every node: leave replicas out")
		}
	}
	return settings
}

func decodePlacement(f field) *swarm.Placement {
	if !f.given() {
		return nil
	}
	keys := f.keys("constraints", "preferences", "max_replicas_per_node")
	placement := &swarm.Placement{MaxReplicas: uint64(keys["max_replicas_per_node"].number(0, 0, 1000))}
	for _, item := range keys["constraints"].list("constraints such as node.role == worker") {
		placement.Constraints = append(placement.Constraints, item.required("a condition such as node.role == worker"))
	}
	for _, item := range keys["preferences"].list("preferences such as {spread: node.labels.zone}") {
		label := item.keys("spread")["spread"].required("a label of the nodes such as node.labels.zone")
		spread := &swarm.SpreadOver{SpreadDescriptor: label}
		placement.Preferences = append(placement.Preferences, swarm.PlacementPreference{Spread: spread})
	}
	return placement
}

func decodeResources(f field) *swarm.ResourceRequirements {
	if !f.given() {
		return nil
	}
	keys := f.keys("limits", "reservations")
	resources := &swarm.ResourceRequirements{}
	if keys["limits"].given() {
		limits := keys["limits"].keys("cpus", "memory", "pids")
		resources.Limits = &swarm.Limit{
			NanoCPUs:    limits["cpus"].cpus(),
			MemoryBytes: limits["memory"].bytes(),
			Pids:        int64(limits["pids"].number(0, 0, 1<<22)),
		}
	}
	if keys["reservations"].given() {
		reservations := keys["reservations"].keys("cpus", "memory")
		resources.Reservations = &swarm.Resources{
			NanoCPUs:    reservations["cpus"].cpus(),
			MemoryBytes: reservations["memory"].bytes(),
		}
	}
	return resources
}

// cpus reads a number of CPUs in the unit of the API, a billionth.
func (f field) cpus() int64 {
	if !f.given() {
		return 0
	}
	cpus, err := opts.ParseCPUs(tree.Scalar(f.value))
	if err != nil || cpus < 0 {
		f.errorf("%s is not a number of CPUs (example: 0.5)", show(f.value))
	}
	return cpus
}

// bytes reads an amount of memory.
func (f field) bytes() int64 {
	if !f.given() {
		return 0
	}
	size, err := units.RAMInBytes(tree.Scalar(f.value))
	if err != nil || size < 0 {
		f.errorf("%s is not an amount of memory (example: 128M)", show(f.value))
	}
	return size
}

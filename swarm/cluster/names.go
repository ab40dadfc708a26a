package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Labels that we write. Users may read them; only we write them.
const (
	// LabelNamespace is docker's own mark of a stack's objects.
	LabelNamespace = "com.docker.stack.namespace"
	// LabelImage is where docker stack deploy keeps the image as the file names it.
	LabelImage = "com.docker.stack.image"
	// LabelStack is the stack's name on everything that is ours.
	LabelStack = "bluegreen.stack"
	// LabelService is the compose service's name.
	LabelService = "bluegreen.service"
	// LabelRole is one of the roles below.
	LabelRole = "bluegreen.role"
	// LabelAlias and the compose service's name make the label that holds the route.
	LabelAlias = "bluegreen.alias."
	// LabelTested is what tests a release has passed, by a hash of their specs.
	LabelTested = "bluegreen.tested"
	// LabelUnverified is there until a release has passed its verification.
	LabelUnverified = "bluegreen.unverified"
	// LabelReady is when a release became ready that gets all traffic after a time, as RFC 3339.
	LabelReady = "bluegreen.ready"
	// LabelNext holds the route that a move in progress leads to, with ByRollback behind it when a
	// rollback began it. It stays until every proxy has confirmed.
	LabelNext = "bluegreen.next"
	// LabelTripped is why a guard has taken the traffic back; it is there as long as its route is.
	LabelTripped = "bluegreen.tripped"
	// LabelPrevious holds the number of the release that was active before the last flip.
	LabelPrevious = "bluegreen.previous"
	// LabelSettings holds the settings of the service as resolved, as JSON.
	LabelSettings = "bluegreen.settings"
	// LabelSlots holds how many tasks of a color the proxies have room for.
	LabelSlots = "bluegreen.slots"
	// LabelTemplates holds the version of the HAProxy templates that the proxies run.
	LabelTemplates = "bluegreen.templates"
	// LabelColor is the color of a color's service.
	LabelColor = "bluegreen.color"
	// LabelRelease is the number of the release that a color holds.
	LabelRelease = "bluegreen.release"
	// LabelPorts holds ports and health of a color's release, as JSON.
	LabelPorts = "bluegreen.ports"
	// LabelReplicas holds the number of replicas that the file asked for when the color was
	// written.
	LabelReplicas = "bluegreen.replicas"
	// LabelServed holds the sequence of the route by which a color last became active.
	LabelServed = "bluegreen.served"
	// LabelWaiting is on a color whose release waits for a promote. It holds the sequence of the
	// route at that time. Once LabelServed is higher, the release waits no more.
	LabelWaiting = "bluegreen.waiting"
	// LabelVersionOf is the name of the secret or config of the file that an object with another
	// name is a version of.
	LabelVersionOf = "bluegreen.version-of"
	// LabelCold marks a color that was scaled down on purpose; its value is the number of replicas
	// to come back to.
	LabelCold = "bluegreen.cold"
	// LabelAgain is on a color that a rollback gave an earlier release to, and holds the number of
	// that.
	LabelAgain = "bluegreen.again"
	// LabelWithdrawn is on an idle color whose release a rollback takes away while it is tested, until
	// that is done: the same rollback again does no more either.
	LabelWithdrawn = "bluegreen.withdrawn"
	// LabelFiles, LabelCommit and LabelLog are on what is written down of a release: the stack
	// files that it was made from, the git commit of those, and what happened to it, as JSON.
	LabelFiles  = "bluegreen.files"
	LabelCommit = "bluegreen.commit"
	LabelLog    = "bluegreen.log"
	// LabelReduced is on a service whose replicas are fewer for a moment, as "2 of 3"; see Unstick.
	LabelReduced = "bluegreen.reduced"
)

// Roles of what is ours.
const (
	RoleProxy = "proxy"
	RoleColor = "color"
	RoleOrder = "order"
	RoleSaved = "saved"
	RoleFile  = "file"
	RoleLock  = "lock"
	// RoleRelease is a release that is written down.
	RoleRelease = "release"
)

// Color is one of the two swarm services behind a blue-green service.
type Color string

// The two colors, and none.
const (
	Blue  Color = "blue"
	Green Color = "green"
	None  Color = ""
)

// Colors are both colors, in the order in which they are shown.
var Colors = []Color{Blue, Green}

// Other returns the other color.
func (c Color) Other() Color {
	if c == Blue {
		return Green
	}
	return Blue
}

// Namespace is the docker namespace of what is ours; a docker stack deploy of the same stack does
// not see it.
func Namespace(stack string) string { return stack + "-bluegreen" }

// Scoped is the name on the swarm of what the file of a stack calls name.
func Scoped(stack, name string) string { return stack + "_" + name }

// ColorName is the swarm service of a color.
func ColorName(stack, service string, c Color) string {
	return Scoped(stack, service) + "-" + string(c)
}

// ControlNetwork is the network on which proxies and orders talk.
func ControlNetwork(stack string) string { return Namespace(stack) + "_control" }

// LockName is the config that is the lock of a stack.
func LockName(stack string) string { return Namespace(stack) + "-lock" }

// ServersAlias names one color's tasks on the one network that the proxies reach them by. It
// carries the stack's name, since networks are shared between stacks and every stack has a web.
func ServersAlias(stack, service string, c Color) string {
	return ColorName(stack, service, c) + "-servers"
}

// PeersAlias names all proxies of a service on the control network.
func PeersAlias(stack, service string) string { return Scoped(stack, service) + "-proxies" }

// GuardsAlias names the proxies of all services of a stack that have a guard, on the control
// network.
func GuardsAlias(stack string) string { return Namespace(stack) + "-guards" }

// FileConfig names the swarm config that holds a generated file: by its content, since configs
// never change.
func FileConfig(stack, file, content string) string {
	return configName(Namespace(stack)+"_"+file, content)
}

// savedConfig names the swarm config that holds the spec that a color had before its new release.
func savedConfig(stack, service string, c Color) string {
	return configName(Namespace(stack)+"_saved", ColorName(stack, service, c))
}

// configName joins a readable part, cut to what Swarm allows (64 characters), and a hash of the
// rest.
func configName(readable, hashed string) string {
	sum := sha256.Sum256([]byte(readable + "\n" + hashed))
	const hash, limit = 12, 64
	if most := limit - hash - 1; len(readable) > most {
		readable = strings.TrimRight(readable[:most], "-_.")
	}
	return readable + "-" + hex.EncodeToString(sum[:])[:hash]
}

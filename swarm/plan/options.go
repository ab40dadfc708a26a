package plan

import (
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Values of UpOptions.ResolveImage, with the meaning that docker stack deploy gives them.
const (
	ResolveAlways  = "always"
	ResolveChanged = "changed"
	ResolveNever   = "never"
)

// UpOptions are the wishes of one up.
type UpOptions struct {
	// Services limits the command to these services of the project; empty means all.
	Services []string
	// NoDeps leaves out what the named services depend on.
	NoDeps bool
	// Prune removes services of the stack that are not in the file, once everything else is done.
	Prune bool
	// Detach does not wait for plain services that nothing depends on, nor until a guard has watched
	// for its time.
	Detach bool
	// SkipPreflight begins without asking whether it can work.
	SkipPreflight bool
	// SkipPortCheck lets proxies take ports over without a look at what is spoken there.
	SkipPortCheck bool
	// SkipBake ends the guard of a release that is still watched, where its other color is needed.
	SkipBake bool
	// Baked are services for which the same holds, since their guard has watched for its time.
	Baked map[string]bool
	// NoFlip stops when the idle color is ready.
	NoFlip bool
	// Timeout overrides the longest time without progress of all services when it is not 0.
	Timeout time.Duration
	// ResolveImage is ResolveAlways, ResolveChanged or ResolveNever.
	ResolveImage string
	// RequireDigests makes an image that cannot be resolved an error, before anything is changed.
	RequireDigests bool
	// WithRegistryAuth sends the credentials of RegistryAuth to the nodes; otherwise they serve
	// look-ups only.
	WithRegistryAuth bool
	// Strict makes what the engine would drop without a word an error.
	Strict bool
	// AcceptGap allows the adoption of a service that costs downtime: one with host-mode ports, or
	// behind a router that cannot be told to use its virtual address.
	AcceptGap bool
	// Yes allows what must be asked for first; without it that is a *ConfirmationError.
	Yes bool
	// LockTimeout is the longest wait for another command on the same stack.
	LockTimeout time.Duration
	// Commit is the git commit of the stack files, for the history; empty where it is not known.
	Commit string
	// RegistryAuth returns the encoded credentials for an image, empty for none; may be nil.
	RegistryAuth func(image string) (string, error)
}

// State is what a pause or maintenance does with requests, as routes have it.
type State = haproxy.State

// What a State can do, and the longest message of one.
const (
	Hold       = haproxy.Hold
	Stop       = haproxy.Stop
	MaxMessage = haproxy.MaxMessage
)

// MaxShare is the largest share of the traffic that an idle color can get, in percent.
const MaxShare = haproxy.MaxShare

// FlipOptions are the wishes of one command that moves traffic and needs no file.
type FlipOptions struct {
	// Services limits the command to these services; empty means all blue-green services of the
	// stack.
	Services []string
	// To is "blue", "green" or empty for the color that is idle now.
	To string
	// Share is the percentage of the traffic that a canary gives to the idle color.
	Share int
	// State is what a pause or maintenance does with requests.
	State State
	// Release is the number of the release that a rollback brings back; 0 for the one that was active
	// before.
	Release int
	// Tested are the releases whose tests a rollback has come in between, by service.
	Tested map[string]cluster.Tested
	// Reason is why a rollback takes the traffic back, for the history; it may be empty.
	Reason string
	// Expect is what a plan rests on that somebody has agreed to, as its Stands has it. The command
	// is refused if that has changed by the time it has the lock; nil for no plan.
	Expect map[string]Stand
	// LockTimeout is the longest wait for another command on the same stack.
	LockTimeout time.Duration
}

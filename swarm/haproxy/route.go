package haproxy

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Route says where an alias points. Proxies take only a route with a higher sequence than their
// own.
type Route struct {
	Sequence uint64
	// Color is the active color; empty if there is none.
	Color string
	// Share is the percentage of the traffic that goes to the other color, 0 to 99.
	Share int
	// State says that requests wait, or are refused; zero for neither.
	State State
	// Guard says that the proxies watch the release that this route brings traffic to.
	Guard Guard
	// Tripped says that a guard has made the route: it has taken the traffic back.
	Tripped bool
}

// State is what a route says of requests that are not led to any color.
type State struct {
	// Kind is Hold or Stop; empty for a route that leads requests on.
	Kind string
	// Seconds is how long requests wait at most, or when clients that are refused may come again.
	Seconds int
	// Message is what those are told, up to MaxMessage bytes; empty for the page of the proxies, or
	// words of their own if they have none.
	Message string
}

// Word is what people call the state: paused, maintenance, or empty.
func (s State) Word() string {
	return map[string]string{Hold: "paused", Stop: "maintenance"}[s.Kind]
}

// What a route can do with requests.
const (
	Hold = "hold" // they wait
	Stop = "stop" // they are refused
)

// MaxMessage is the number of bytes of the longest message: it is a part of the route.
const MaxMessage = 60

// String is the state as routes hold it, such as hold-30; the message is in hexadecimal digits.
func (s State) String() string {
	if s.Kind == "" {
		return ""
	}
	text := fmt.Sprintf("%s-%d", s.Kind, s.Seconds)
	if s.Message != "" {
		text += "-" + hex.EncodeToString([]byte(s.Message))
	}
	return text
}

var stateField = regexp.MustCompile(`^(hold|stop)-(\d{1,9})(?:-([0-9a-f]+))?$`)

func parseState(text string) State {
	m := stateField.FindStringSubmatch(text)
	if m == nil {
		return State{}
	}
	s := State{Kind: m[1]}
	s.Seconds, _ = strconv.Atoi(m[2]) // digits are a number
	if message, err := hex.DecodeString(m[3]); err == nil {
		s.Message = string(message)
	}
	return s
}

// Guard is what a route says to proxies that watch: the color with a share, or the active one if
// none has. A zero one asks for nothing.
type Guard struct {
	// On says that they watch.
	On bool
	// Until is when they stop, in seconds since 1970; 0 for as long as the route holds. Proxies
	// that an order tells count from then, by a clock of their own.
	Until int64
	// Group is the same for services that go back together; empty for a service alone.
	Group string
}

// Over says whether a guard has nothing to watch any more by the clock of this machine.
func (g Guard) Over(now time.Time) bool { return !g.On || g.Until > 0 && now.Unix() >= g.Until }

// tripped is the last field of a route that a guard has made.
const tripped = "tripped"

// String returns the route as labels, maps and orders hold it, such as 7:green, 8:green:25, or
// 12:green:::1764184000 for one that is watched.
func (r Route) String() string {
	fields := []string{strconv.FormatUint(r.Sequence, 10), r.Color, "", r.State.String(), ""}
	if r.Share > 0 {
		fields[2] = strconv.Itoa(r.Share)
	}
	switch {
	case r.Tripped:
		fields[4] = tripped
	case r.Guard.On:
		fields[4] = strconv.FormatInt(r.Guard.Until, 10)
		if r.Guard.Group != "" {
			fields[4] += "-" + r.Guard.Group
		}
	}
	for len(fields) > 2 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	return strings.Join(fields, ":")
}

// Next is the sequence of the next route that a command gives. The one after a route that is
// watched belongs to the guard: so neither can take the other's.
func (r Route) Next() uint64 {
	if r.Guard.On {
		return r.Sequence + 2
	}
	return r.Sequence + 1
}

// Back is the color that the traffic goes back to when a guard trips, and that nothing may stop
// meanwhile; empty if nothing is watched.
func (r Route) Back() string {
	switch {
	case !r.Guard.On:
		return ""
	case r.Share > 0:
		return r.Color
	}
	return map[string]string{Blue: Green, Green: Blue}[r.Color]
}

// Gets says whether a color gets traffic by the route.
func (r Route) Gets(color string) bool {
	return color == r.Color || r.Share > 0 && r.Color != "" && (color == Blue || color == Green)
}

var guardField = regexp.MustCompile(`^(\d{1,12})(?:-([0-9a-z]+))?$`)

// ParseRoute reads what String returns. More fields, each after a colon, and words in a field that
// are unknown, are those of a later version and are passed over. The error quotes the text.
func ParseRoute(text string) (Route, error) {
	fields := strings.Split(text, ":")
	if len(fields) < 2 {
		return Route{}, notARoute(text)
	}
	fields = append(fields, "", "", "")
	r := Route{Color: fields[1]}
	var err error
	if r.Sequence, err = strconv.ParseUint(fields[0], 10, 63); err != nil || r.Color != "" && r.Color != Blue && r.Color != Green {
		return Route{}, notARoute(text)
	}
	if fields[2] != "" {
		if r.Share, err = strconv.Atoi(fields[2]); err != nil || r.Share < 0 || r.Share > MaxShare {
			return Route{}, notARoute(text)
		}
	}
	r.State = parseState(fields[3])
	r.Tripped = fields[4] == tripped
	if m := guardField.FindStringSubmatch(fields[4]); m != nil {
		r.Guard = Guard{On: true, Group: m[2]}
		r.Guard.Until, _ = strconv.ParseInt(m[1], 10, 64) // twelve digits are a number
	}
	return r, nil
}

// MaxShare is the largest share of a color that is not the active one.
const MaxShare = 99

func notARoute(text string) error {
	return fmt.Errorf("%q is not a route: it should read like 7:green", text)
}

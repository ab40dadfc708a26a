package haproxy

import (
	"fmt"
	"strconv"
	"strings"
)

// Route says where an alias points. Proxies take only a route with a higher sequence than their
// own.
type Route struct {
	Sequence uint64
	// Color is the active color; empty if there is none.
	Color string
}

// String returns the route as labels, maps and orders hold it, such as 7:green.
func (r Route) String() string {
	return fmt.Sprintf("%d:%s", r.Sequence, r.Color)
}

// ParseRoute reads what String returns. More fields, each after a colon, are those of a later
// version and are passed over. The error quotes the text.
func ParseRoute(text string) (Route, error) {
	sequence, rest, ok := strings.Cut(text, ":")
	color, _, _ := strings.Cut(rest, ":")
	n, err := strconv.ParseUint(sequence, 10, 63)
	if !ok || err != nil || (color != "" && color != Blue && color != Green) {
		return Route{}, fmt.Errorf("%q is not a route: it should read like 7:green", text)
	}
	return Route{Sequence: n, Color: color}, nil
}

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
	// Share is the percentage of the traffic that goes to the other color, 0 to 99.
	Share int
}

// String returns the route as labels, maps and orders hold it, such as 7:green or 8:green:25.
func (r Route) String() string {
	text := fmt.Sprintf("%d:%s", r.Sequence, r.Color)
	if r.Share > 0 {
		text += fmt.Sprintf(":%d", r.Share)
	}
	return text
}

// Gets says whether a color gets traffic by the route.
func (r Route) Gets(color string) bool {
	return color == r.Color || r.Share > 0 && r.Color != "" && (color == Blue || color == Green)
}

// ParseRoute reads what String returns. More fields, each after a colon, are those of a later
// version and are passed over. The error quotes the text.
func ParseRoute(text string) (Route, error) {
	fields := strings.Split(text, ":")
	if len(fields) < 2 {
		return Route{}, notARoute(text)
	}
	r := Route{Color: fields[1]}
	var err error
	if r.Sequence, err = strconv.ParseUint(fields[0], 10, 63); err != nil || r.Color != "" && r.Color != Blue && r.Color != Green {
		return Route{}, notARoute(text)
	}
	if len(fields) > 2 && fields[2] != "" {
		if r.Share, err = strconv.Atoi(fields[2]); err != nil || r.Share < 0 || r.Share > MaxShare {
			return Route{}, notARoute(text)
		}
	}
	return r, nil
}

// MaxShare is the largest share of a color that is not the active one.
const MaxShare = 99

func notARoute(text string) error {
	return fmt.Errorf("%q is not a route: it should read like 7:green", text)
}

package histories

import (
	"strings"
	"testing"
)

// known are histories that once failed, each by a fault that is corrected.
var known = map[string]string{
	"proxies rolled back by hand, and nothing to do": `{"start":1,"cold":true,"steps":[{"do":"restart","pause":2},{"do":"rollback proxy"},
		{"do":"up","n":2,"trouble":{"kind":"killed after","at":6},"pause":1},{"do":"activate","n":3,"pause":3},{"do":"up","n":1,"pause":20},
		{"do":"activate","n":3,"pause":4},{"do":"rollback proxy","pause":20},{"do":"up","n":1,"wait":true,"pause":1}]}`,
	"proxies with nobody to send to, and a change of labels": `{"start":1,"steps":[{"do":"up in steps","n":1,"pause":6},
		{"do":"scale","pause":4},{"do":"node down","n":1,"pause":1},{"do":"up","n":4,"trouble":{"kind":"killed after","at":1},"pause":2}]}`,
	"an older label, and nothing to do": `{"start":2,"steps":[{"do":"rollback proxy","pause":1},{"do":"up","n":1,"pause":2},
		{"do":"rollback proxy","pause":45}]}`,
	"killed when not all proxies had confirmed": `{"start":2,"steps":[{"do":"node down","n":1},{"do":"flip","pause":6},
		{"do":"up","n":1,"wait":true,"trouble":{"kind":"killed after","at":5},"pause":1}]}`,
	"no proxy that could see a release": `{"start":0,"steps":[{"do":"up","n":1,"wait":true,"trouble":{"kind":"killed after","at":12},"pause":1},
		{"do":"rollback proxy","pause":10},{"do":"node down","n":1,"pause":1},{"do":"up","n":1,"trouble":{"kind":"killed","at":13},"pause":6},
		{"do":"scale proxies","n":1,"pause":1},{"do":"rollback color","n":1,"pause":4},{"do":"flip"},{"do":"up","n":4,"pause":1}]}`,
	"a proxy of a removed service on a node that is down": `{"start":1,"steps":[{"do":"node down","n":3},{"do":"remove proxy"},
		{"do":"hours"},{"do":"up","n":3,"wait":true},{"do":"up","n":4,"wait":true}]}`,
	"a color restarted just when it becomes active": `{"start":2,"steps":[{"do":"up","n":4,"trouble":{"kind":"killed","at":19},"pause":6},
		{"do":"restart","pause":45}]}`,
	"a flip to the color of an older label": `{"start":2,"cold":true,"steps":[{"do":"scale","pause":45},{"do":"remove color","pause":2},
		{"do":"no leader","n":1,"pause":1},{"do":"up","n":3,"wait":true,"pause":3},{"do":"up","n":1,"wait":true,"trouble":{"kind":"killed","at":13},"pause":3},
		{"do":"up","n":3,"wait":true,"trouble":{"kind":"interrupted","at":4},"pause":6},{"do":"rollback proxy","pause":10},
		{"do":"flip","trouble":{"kind":"interrupted","at":13},"pause":4}]}`,
	"proxies that a giving back has left": `{"start":1,"steps":[{"do":"plain up","n":3,"trouble":{"kind":"interrupted","at":2}},
		{"do":"up","n":1,"wait":true}]}`,
	"the active color removed, and no proxy healthy": `{"start":2,"steps":[{"do":"rollback","wait":true,"trouble":{"kind":"lost answer","at":14},"pause":3},
		{"do":"remove color","pause":20},{"do":"kill","pause":2},{"do":"kill","pause":4},{"do":"rollback proxy","pause":1},
		{"do":"rollback","wait":true,"pause":1}]}`,
	"the active color of an older label removed": `{"start":2,"cold":true,"steps":[{"do":"up","n":3,"wait":true},
		{"do":"up","n":4,"wait":true,"trouble":{"kind":"killed","at":13},"pause":10},{"do":"rollback proxy","pause":3},{"do":"remove color","pause":2}]}`,
	"the active color scaled to 0, and other proxies": `{"start":0,"steps":[{"do":"node up","n":3,"pause":4},{"do":"up","n":4,"pause":45},{"do":"up","n":2,"wait":true,"pause":20},
		{"do":"up with a guard","n":3,"pause":45},{"do":"node down","n":2,"pause":3},{"do":"scale","pause":4},{"do":"up","n":2,"pause":2},{"do":"up","n":4,"wait":true,"pause":45}]}`,
	"the active color scaled to 0, and no proxy healthy": `{"start":2,"steps":[{"do":"up","n":3,"wait":true,"pause":3},
		{"do":"scale proxies","n":1,"pause":2},{"do":"kill","n":1},{"do":"scale","pause":3},{"do":"up","n":1,"wait":true,"pause":20}]}`,
}

func TestKnown(t *testing.T) {
	load(t)
	for name, text := range known {
		t.Run(name, func(t *testing.T) {
			h, err := parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for range tries {
				if found := live(t, h); found != nil {
					t.Fatal(strings.Join(found, "\n"))
				}
			}
		})
	}
}

package plugin

import (
	"strings"
	"testing"
)

// A table takes no more than the width of a terminal, and loses nothing that stands in its last
// cells.
func TestTableFits(t *testing.T) {
	for name, c := range map[string]struct {
		width int
		want  string
	}{
		"no terminal": {0, `
  NAME   IMAGE                  CAUSE
  web    registry.example/a:b   three tasks of one slot failed
  no answer: it did not confirm within 10s: no route to host
`},
		"wide": {80, `
  NAME   IMAGE                  CAUSE
  web    registry.example/a:b   three tasks of one slot failed
  no answer: it did not confirm within 10s: no route to host
`},
		"narrow": {50, `
  NAME  IMAGE                 CAUSE
  web   registry.example/a:b  three tasks of one
                              slot failed
  no answer: it did not confirm within 10s: no
route to host
`},
		"very narrow": {36, `
  NAME  IMAGE       CAUSE
  web   registry.…  three tasks of
                    one slot failed
  no answer: it did not confirm
within 10s: no route to host
`},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			l := unicodeLook
			l.width = c.width
			table := newTable(&out, l, "NAME", "IMAGE", "CAUSE")
			table.row("  web", "registry.example/a:b", "three tasks of one slot failed")
			table.row("  no answer: it did not confirm within 10s: no route to host")
			if err := table.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + out.String(); got != c.want {
				t.Errorf("got%swant%s", got, c.want)
			}
		})
	}
}

package main

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
)

// Measures in units of the picture.
const (
	cell   = 8.4  // width of a column
	height = 18.0 // of a line
	margin = 16.0
	bar    = 44.0 // the line with the traffic
)

const style = `svg{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;--k:#f6f8fa;--e:#d1d9e0;--t:#1f2328;--f:#59636e;--g:#1a7f37;--c:#0e6c86;--r:#cf222e;--y:#7d4e00;--u:#0757ba}
@media(prefers-color-scheme:dark){svg{--k:#0d1117;--e:#3d444d;--t:#e6edf3;--f:#9ba4ae;--g:#3fb950;--c:#56d4dd;--r:#ff7b72;--y:#d29922;--u:#6cb2ff}}
.k{fill:var(--k);stroke:var(--e)}text{fill:var(--t);white-space:pre}.f{fill:var(--f)}.g{fill:var(--g)}.c{fill:var(--c)}.r{fill:var(--r)}.y{fill:var(--y)}.u{fill:var(--u)}.b{font-weight:700}.o{fill:none;stroke:var(--f)}
`

// svg draws a film as one picture: its frames stand below each other, and the part that is seen
// jumps from one to the next. Where motion is not wanted it stays at the last one. Each line is
// drawn once, whatever number of frames have it.
func svg(f *film) []byte {
	w := float64(f.columns)*cell + 2*margin
	h := float64(f.rows)*height + 2*margin + bar
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-labelledby="t">`+"\n",
		num(w), num(h), num(w), num(h))
	fmt.Fprintf(&b, "<title id=\"t\">%s</title>\n", html.EscapeString(inWords(f)))
	b.WriteString("<style>" + style)
	last := len(f.frames) - 1
	fmt.Fprintf(&b, ".m{transform:translateY(%spx);animation:m %ss step-end infinite}\n@media(prefers-reduced-motion:reduce){.m{animation:none}}\n@keyframes m{",
		num(-float64(last)*h), num(f.length.Seconds()))
	for i, fr := range f.frames {
		fmt.Fprintf(&b, "%s%%{transform:translateY(%spx)}", num(percent(fr.at, f.length)), num(-float64(i)*h))
	}
	b.WriteString("}</style>\n<defs>")
	ids := map[string]string{}
	for _, fr := range f.frames {
		for _, l := range fr.lines {
			if l != "" && ids[l] == "" {
				ids[l] = "l" + strconv.Itoa(len(ids))
				fmt.Fprintf(&b, "<text id=%q>%s</text>\n", ids[l], l)
			}
		}
	}
	fmt.Fprintf(&b, "</defs>\n<rect class=\"k\" x=\".5\" y=\".5\" width=\"%s\" height=\"%s\" rx=\"8\"/>\n", num(w-1), num(h-1))
	fmt.Fprintf(&b, "<path class=\"o\" d=\"M0 %sH%s\" opacity=\".4\"/>\n<g class=\"m\">\n", num(h-bar), num(w))
	for i, fr := range f.frames {
		fmt.Fprintf(&b, "<g transform=\"translate(%s %s)\">", num(margin), num(float64(i)*h+margin+height-4))
		for y, l := range fr.lines {
			if l != "" {
				fmt.Fprintf(&b, "<use href=\"#%s\" y=\"%s\"/>", ids[l], num(float64(y)*height))
			}
		}
		fmt.Fprintf(&b, "<text transform=\"translate(0 %s)\">%s</text></g>\n", num(float64(f.rows)*height+margin+10), traffic(f, fr))
	}
	b.WriteString("</g></svg>\n")
	return b.Bytes()
}

// traffic is the line below the terminal: who answers, and how many requests failed.
func traffic(f *film, fr frame) string {
	var b strings.Builder
	b.WriteString(span(0, "f", "answers"))
	column := 10
	for i, v := range f.versions {
		style, dot := []string{"u", "g"}[i%2], "○"
		if fr.active[v] {
			dot = "●"
		}
		b.WriteString(span(column, style, dot+" "+v))
		b.WriteString(span(column+len(v)+3, style+"b", fmt.Sprintf("%5d", fr.counts[v])))
		column += len(v) + 13
	}
	b.WriteString(span(f.columns-12, "f", "failed"))
	failed := "g"
	if fr.counts["failed"] > 0 {
		failed = "r"
	}
	return b.String() + span(f.columns-5, failed+"b", fmt.Sprintf("%5d", fr.counts["failed"]))
}

// span is a text at a column.
func span(column int, style, text string) string {
	if style != "" {
		style = fmt.Sprintf(" class=%q", strings.Join(strings.Split(style, ""), " "))
	}
	return fmt.Sprintf("<tspan x=\"%s\"%s>%s</tspan>", num(float64(column)*cell), style, html.EscapeString(text))
}

// inWords tells what the picture shows to those who do not see it.
func inWords(f *film) string {
	last := f.frames[len(f.frames)-1]
	return fmt.Sprintf("A terminal with docker bluegreen up, then rollback, under traffic: %s answered %d requests, %s answered %d, and %d failed.",
		f.versions[0], last.counts[f.versions[0]], f.versions[len(f.versions)-1], last.counts[f.versions[len(f.versions)-1]], last.counts["failed"])
}

func percent(d, of time.Duration) float64 { return 100 * float64(d) / float64(of) }

func num(v float64) string {
	return strconv.FormatFloat(float64(int(v*100+sign(v)*.5))/100, 'f', -1, 64)
}

func sign(v float64) float64 {
	if v < 0 {
		return -1
	}
	return 1
}

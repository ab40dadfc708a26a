package haproxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Add takes in one line that a control job printed. It returns the progress if the line tells of
// one, else nil. Lines of a kind it does not know, such as HAProxy's own, are passed over; the
// error quotes a line that is cut short or damaged.
func (r *Report) Add(line string) (*Progress, error) {
	f := &fields{rest: strings.TrimSpace(line)}
	if f.rest == "" {
		return nil, nil
	}
	var progress *Progress
	switch f.word() {
	case "met":
		progress = &Progress{ProxyAddr: f.proxy(), Color: f.word(), Want: f.word(), Met: true}
	case "unmet":
		progress = &Progress{ProxyAddr: f.proxy(), Color: f.word(), Want: f.word(), What: f.word(), Why: f.all()}
		if progress.What == "-" {
			progress.What = ""
		}
	case "unreachable":
		r.proxy(f.proxy()).Unreachable = f.all()
	case "state":
		r.proxy(f.proxy()).add(f)
	case "began":
		r.proxy(f.proxy()).Began.add(f.word(), f)
	case "told":
		p := r.proxy(f.proxy())
		p.Outcome, p.Acknowledged = f.word(), f.milliseconds()
	case "beyond":
		r.Beyond = append(r.Beyond, f.proxy())
	case "figures":
		r.addFigures(f)
	case "second":
		r.Seconds++
	case "saw":
		r.Saw = append(r.Saw, Saw{ProxyAddr: f.proxy(), Port: uint16(f.number()), Speaks: f.word(), Text: f.all()})
	case "done":
		r.Done, r.Met = true, f.word() == "met"
		r.Waited, r.Connected, r.Told = f.milliseconds(), f.milliseconds(), f.milliseconds()
	case "error":
		r.Err = f.all()
	}
	if f.err != nil {
		return nil, fmt.Errorf("line of a control job %q: %w", line, f.err)
	}
	return progress, nil
}

func (r *Report) addFigures(f *fields) {
	service, color := f.word(), f.word()
	if r.Figures == nil {
		r.Figures = map[string]map[string]Figures{}
	}
	if r.Figures[service] == nil {
		r.Figures[service] = map[string]Figures{}
	}
	r.Figures[service][color] = Figures{Requests: f.number(), Failed: f.number(), Time: f.milliseconds()}
}

// proxy returns the report of a proxy, a new one if there is none yet.
func (r *Report) proxy(at ProxyAddr) *ProxyReport {
	for _, p := range r.Proxies {
		if p.ProxyAddr == at {
			return p
		}
	}
	p := &ProxyReport{ProxyAddr: at, InFlight: map[string]int{}}
	r.Proxies = append(r.Proxies, p)
	return p
}

// add takes in a line of what is counted; others are passed over.
func (c *Counters) add(kind string, f *fields) {
	switch kind {
	case "held":
		c.Held = f.number()
	case "total":
		if c.Colors == nil {
			c.Colors = map[string]Count{}
		}
		c.Colors[f.word()] = Count{Requests: f.number(), Failed: f.number(), Slowest: f.milliseconds()}
	}
}

func (p *ProxyReport) add(f *fields) {
	switch kind := f.word(); kind {
	case "total", "held":
		p.Ended.add(kind, f)
	case "route":
		if text := f.all(); text != "" {
			p.Route, f.err = ParseRoute(text)
		}
	case "flags":
		for flag := range strings.FieldsSeq(f.all()) {
			p.Met = p.Met || flag == "met"
			p.Ready = p.Ready || flag == "ready"
			p.Stopping = p.Stopping || flag == "stopping"
		}
	case "tripped":
		p.Tripped = f.all()
	case "figures":
		if p.Figures == nil {
			p.Figures = map[string]Figures{}
		}
		p.Figures[f.word()] = Figures{Requests: f.number(), Failed: f.number(), Time: f.milliseconds()}
	case "backend":
		color, _, inFlight := f.word(), f.word(), f.number()
		p.InFlight[color] += inFlight
	case "server":
		p.Servers = append(p.Servers, Server{Color: f.word(), Port: uint16(f.number()), Addr: f.word(),
			Status: f.word(), Check: f.word(), InFlight: f.number(), Detail: f.all()})
	}
}

// fields reads a line word by word, and keeps the first error.
type fields struct {
	rest string
	err  error
}

func (f *fields) word() string {
	word, rest, _ := strings.Cut(f.rest, " ")
	f.rest = rest
	if word == "" && f.err == nil {
		f.err = fmt.Errorf("a word is missing")
	}
	return word
}

func (f *fields) all() string {
	all := strings.TrimSpace(f.rest)
	f.rest = ""
	return all
}

func (f *fields) proxy() ProxyAddr {
	return ProxyAddr{Service: f.word(), Addr: f.word()}
}

func (f *fields) number() int {
	n, err := strconv.Atoi(f.word())
	if err != nil && f.err == nil {
		f.err = err
	}
	return n
}

func (f *fields) milliseconds() time.Duration {
	n, err := strconv.ParseFloat(f.word(), 64)
	if err != nil && f.err == nil {
		f.err = err
	}
	return time.Duration(n * float64(time.Millisecond))
}

package bluegreen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What the name and the value of a header may be (RFC 9110, 5.1 and 5.5).
var (
	ValidHeaderName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`) // without what HAProxy could misread
	ValidHeaderValue = regexp.MustCompile(`^[!-~]([ -~]*[!-~])?$`)
)

func decodePreview(f field) *Preview {
	if !f.given() {
		return nil
	}
	keys := f.keys("port", "target", "header")
	p := &Preview{
		Port:   uint16(keys["port"].number(0, 1, MaxPort)),
		Target: uint16(keys["target"].number(0, 1, MaxPort)),
		Header: keys["header"].header(),
	}
	switch {
	case !keys["port"].given() && !keys["header"].given():
		f.errorf("it needs a port or a header, such as {port: 9080} or {header: \"X-Preview: s3cret\"}")
	case !keys["port"].given() && keys["target"].given():
		keys["target"].errorf("target is where port leads to: give port, too")
	}
	return p
}

// header reads a header with its value, such as "X-Preview: s3cret".
func (f field) header() Header {
	text := f.text("")
	if _, isText := f.value.(string); !isText {
		return Header{}
	}
	name, value, _ := strings.Cut(text, ":")
	h := Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
	switch {
	case !ValidHeaderName.MatchString(h.Name) || !ValidHeaderValue.MatchString(h.Value):
		f.errorf("%q is not a header with a value (example: \"X-Preview: s3cret\")", text)
	case slices.ContainsFunc(ordinary, func(o string) bool { return strings.EqualFold(o, h.Name) }):
		f.errorf("%s is a header that ordinary requests have: choose a name of your own, such as X-Preview", h.Name)
	}
	return h
}

// ordinary are headers that clients send without being told, or that proxies read themselves.
var ordinary = []string{"Accept", "Accept-Encoding", "Accept-Language", "Connection", "Content-Length", "Content-Type", "Expect", "Host",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// Resolve finds where the preview leads, now that the ports of the service are known.
func (p *Preview) Resolve(ports []Port) error {
	http := slices.IndexFunc(ports, func(port Port) bool { return port.Mode != ModeTCP })
	if p.Header != (Header{}) && http < 0 {
		return fmt.Errorf("%s.preview.header: no port speaks HTTP, so no request has a header: give a port instead", Key)
	}
	if p.Port == 0 {
		return nil
	}
	if p.Target == 0 {
		p.Target = ports[max(http, 0)].Target
	}
	switch {
	case p.Port == ControlPort:
		return fmt.Errorf("%s.preview.port: the proxies use %d for orders: use another one", Key, p.Port)
	case slices.ContainsFunc(ports, func(port Port) bool { return port.Target == p.Port }):
		return fmt.Errorf("%s.preview.port: %d leads to the active color: use another one", Key, p.Port)
	case !slices.ContainsFunc(ports, func(port Port) bool { return port.Target == p.Target }):
		return fmt.Errorf("%s.preview.target: %d is not a port of the service", Key, p.Target)
	}
	return nil
}

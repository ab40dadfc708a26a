package haproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// longestPage is a page of as many bytes as one may have, with what could be read as something
// else.
var longestPage = func() string {
	const page = "<!doctype html>\n<title>Back at ten, é</title>\n<p>{{ .Service }} $HOME %[src] \\ \"\r\n"
	return page + strings.Repeat("-", bluegreen.MaxPage-len(page))
}()

// pageSite is a site whose proxies have a page.
func pageSite(t *testing.T, h installed) *site {
	s := newSite(t, h)
	s.proxy.Page = true
	s.changed = func(files map[string]string) { files[PageFile] = longestPage }
	s.colors()
	return s
}

// refusal is an answer with what tells one kind from another.
func refusal(t *testing.T, client *http.Client, method, url string) string {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(strings.Repeat("x", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	h := response.Header
	return strings.Join([]string{response.Proto, response.Status, h.Get("Retry-After"), h.Get("Cache-Control"), h.Get("Content-Type"), string(body)}, "|")
}

const (
	withPage = "|503 Service Unavailable|90|no-store|text/html; charset=utf-8|"
	withText = "|503 Service Unavailable|90|no-store|text/plain; charset=utf-8|"
)

func stopped(sequence uint64, message string) Route {
	return Route{Sequence: sequence, Color: Blue, State: State{Kind: Stop, Seconds: 90, Message: message}}
}

// In maintenance clients get the page, unless the route has a message for them. A proxy that starts
// meanwhile has the page, too. Who has waited for too long in a pause gets words.
func TestPage(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := pageSite(t, h)
		a, b := s.pair()
		wants := func(want string, ps ...*running) {
			t.Helper()
			for _, p := range ps {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: slower * 20 * time.Second}
					if got := refusal(t, client, method, p.url("/")); got != want {
						t.Errorf("%s %s is answered %d bytes, want %d: %.300q", method, p.addr, len(got), len(want), got)
					}
				}
			}
		}
		s.weigh(stopped(2, ""), a, b)
		wants("HTTP/1.1"+withPage+longestPage, a, b)
		if head, body := headOnly(t, a); !strings.HasPrefix(head, "HTTP/1.1 503 ") || !strings.Contains(head, "\r\ncontent-type: text/html; charset=utf-8\r\n") ||
			!strings.Contains(head, fmt.Sprintf("\r\ncontent-length: %d\r\n", len(longestPage))) || body != "" {
			t.Errorf("HEAD is answered %q and %d bytes", head, len(body))
		}
		s.weigh(stopped(3, "Back at ten, é"), a, b)
		wants("HTTP/1.1"+withText+"Back at ten, é\n", a, b)
		s.weigh(stopped(4, ""), a, b)
		a.stop()
		<-a.ended
		a = s.start(1, stopped(4, "").String()) // as its label says
		s.ready(a)
		wants("HTTP/1.1"+withPage+longestPage, a, b)
		s.weigh(paused(5, 1), a, b)
		wants("HTTP/1.1|503 Service Unavailable|5|no-store|text/plain; charset=utf-8|Paused for too long\n", a)
		s.weigh(Route{Sequence: 6, Color: Blue}, a, b)
		if got := counted(20, func(int, *http.Request) {}, a, b); got[Blue] != 20 {
			t.Errorf("after it %v answered", got)
		}
	})
}

// headOnly asks for the head of an answer, and returns all that came until the connection was
// closed: Go's client would pass over a body.
func headOnly(t *testing.T, p *running) (head, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(slower * 20 * time.Second))
	fmt.Fprint(conn, "HEAD / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
	head, body, _ = strings.Cut(readAll(t, bufio.NewReader(conn)), "\r\n\r\n")
	return head + "\r\n", body
}

// HTTP/2 clients get the page as well.
func TestPageOverHTTP2(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := pageSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = bluegreen.ModeH2 })
		a, b := s.pair()
		s.weigh(stopped(2, ""), a, b)
		protocols := &http.Protocols{}
		protocols.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: &http.Transport{Protocols: protocols}, Timeout: slower * 20 * time.Second}
		if got := refusal(t, client, http.MethodGet, a.url("/")); got != "HTTP/2.0"+withPage+longestPage {
			t.Errorf("got %d bytes: %.300q", len(got), got)
		}
		if got := refusal(t, client, http.MethodHead, a.url("/")); got != "HTTP/2.0"+withPage {
			t.Errorf("HEAD: got %.300q", got)
		}
		s.weigh(stopped(3, "Back at ten"), a, b)
		if got := refusal(t, client, http.MethodGet, a.url("/")); got != "HTTP/2.0"+withText+"Back at ten\n" {
			t.Errorf("got %.300q", got)
		}
	})
}

// Connections of mode tcp are refused as without a page.
func TestPageOfBytes(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := pageSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = bluegreen.ModeTCP })
		a, b := s.pair()
		s.weigh(stopped(2, ""), a, b)
		if got := ask(&http.Client{}, http.MethodGet, a.url("/")); !wasClosed(got) {
			t.Errorf("got %q", got)
		}
	})
}

// A proxy that cannot read its page serves all the same.
func TestPageIsMissing(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := pageSite(t, h)
		s.changed = nil
		a, b := s.pair()
		if got := get(a.url("/")); got != Blue {
			t.Errorf("got %q", got)
		}
		s.weigh(stopped(2, ""), a, b)
		if got := refusal(t, http.DefaultClient, http.MethodGet, a.url("/")); got != "HTTP/1.1"+withText+"Down for maintenance\n" {
			t.Errorf("got %q", got)
		}
		if got := a.log.String(); !strings.Contains(got, "no maintenance page, but words: ") {
			t.Errorf("the log has %q", got)
		}
	})
}

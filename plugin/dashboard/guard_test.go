package dashboard_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

const action = `{"do":"promote","services":["web"]}`

// Whatever asks and is not the page is refused, and nothing is done.
func TestRefused(t *testing.T) {
	s := serve(t, nil)
	post := func(change func(*http.Request)) func() (int, string, http.Header) {
		return func() (int, string, http.Header) { return s.ask("POST", "/api/stacks/shop/action", action, change) }
	}
	get := func(path string, change func(*http.Request)) func() (int, string, http.Header) {
		return func() (int, string, http.Header) { return s.ask("GET", path, "", change) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	header := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				if r.Header.Del(pairs[i]); pairs[i+1] != "" {
					r.Header.Set(pairs[i], pairs[i+1])
				}
			}
		}
	}
	port := s.base[strings.LastIndex(s.base, ":"):]
	only := "this server answers at " + s.base + " only"
	missing := "the token is missing: open the address that the command printed"
	for name, c := range map[string]struct {
		ask  func() (int, string, http.Header)
		code int
		text string
	}{
		"rebinding: the page":           {get("/", host("evil.example"+port)), 403, only},
		"rebinding: the stream":         {get("/api/events", host("evil.example"+port)), 403, only},
		"rebinding: an action":          {post(host("evil.example" + port)), 403, only},
		"rebinding: name of ours in it": {get("/", host("127.0.0.1.evil.example"+port)), 403, only},
		"another port":                  {get("/", host("127.0.0.1:1")), 403, only},
		"no port":                       {get("/", host("127.0.0.1")), 403, only},
		"cross-site with its origin":    {post(header("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")), 403, "another page asked"},
		"an old browser, cross-site":    {post(header("Origin", "https://evil.example", "Sec-Fetch-Site", "")), 403, "another page asked"},
		"cross-site without an origin":  {post(header("Origin", "", "Sec-Fetch-Site", "")), 403, "another page asked"},
		"sandboxed frame":               {post(header("Origin", "null", "Sec-Fetch-Site", "")), 403, "another page asked"},
		"another port of this machine":  {post(header("Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site")), 403, "another page asked"},
		"https of ours":                 {post(header("Origin", "https://127.0.0.1"+port)), 403, "another page asked"},
		"a read from another site":      {get("/api/events", header("Sec-Fetch-Site", "cross-site")), 403, "another page asked"},
		"a form":                        {post(header("Content-Type", "text/plain")), 415, "an action is JSON"},
		"no token":                      {post(header("Authorization", "")), 401, missing},
		"no token for the stream":       {get("/api/events", header("Authorization", "")), 401, missing},
		"the token in a cookie":         {get("/api/events", header("Authorization", "", "Cookie", "token="+s.token)), 401, missing},
		"the token in the address":      {get("/api/events?token="+s.token, header("Authorization", "")), 401, missing},
		"a wrong token":                 {post(header("Authorization", "Bearer "+strings.Repeat("A", 26))), 403, "the token is wrong, or was used: open the address that the command printed"},
		"the beginning of the token":    {post(header("Authorization", "Bearer "+s.token[:25])), 403, "the token is wrong, or was used: open the address that the command printed"},
		"the token as another kind":     {post(header("Authorization", "Once "+s.token)), 403, "the token is wrong, or was used: open the address that the command printed"},
		"another method":                {func() (int, string, http.Header) { return s.ask("PUT", "/api/stacks/shop/action", action, nil) }, 405, "Method Not Allowed"},
		"a file outside":                {get("/..%2f..%2f..%2fetc%2fpasswd", nil), 404, "the page has no such file"},
		"the source":                    {get("/..%2fguard.go", nil), 404, "the page has no such file"},
		"a folder":                      {get("/.", func(r *http.Request) { r.URL.Opaque = "/%2e" }), 404, "the page has no such file"},
		"a path outside":                {get("/x", func(r *http.Request) { r.URL.Opaque = "//" + s.base[len("http://"):] + "/a/../../etc/passwd" }), 404, "404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			code, text, _ := c.ask()
			if code != c.code || strings.TrimSpace(text) != c.text {
				t.Errorf("%d %q, want %d %q", code, text, c.code, c.text)
			}
		})
	}
	if did := s.fake.Did(); len(did) > 0 {
		t.Errorf("done was %q", did)
	}
	if looks, _ := s.fake.Looks(); looks > 0 {
		t.Errorf("the swarm was asked %d times", looks)
	}
}

// Every answer forbids frames, scripts of others, and to be kept; none lets another origin read.
func TestHeaders(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/", "/page.js", "/nosuch", "/api/events?stack=%00", "/api/stacks/shop/file"} {
		_, _, h := s.ask("GET", path, "", func(r *http.Request) { r.Header.Set("Authorization", "Basic x") })
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
				"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "", "Set-Cookie": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	code, _, h := s.ask("OPTIONS", "/api/stacks/shop/action", "", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	if code != 403 || h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("whoever asks to ask gets %d %v", code, h)
	}
}

// After some wrong tokens even right ones are refused, but for connections that are known.
func TestGuessing(t *testing.T) {
	s := serve(t, nil)
	ask := func(s *site, token string) string {
		code, _, h := s.ask("GET", "/api/stacks/shop/plan?do=promote", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		return fmt.Sprint(code, h.Get("Retry-After"))
	}
	if got := ask(s, s.token); got != "200" {
		t.Fatal(got)
	}
	stranger := *s
	stranger.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var got []string
	for i := range 12 {
		got = append(got, ask(&stranger, fmt.Sprintf("%026d", i)))
	}
	if want := "403 403 403 403 403 403 403 403 403 403 42960 42960"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := ask(&stranger, s.token); got != "42960" {
		t.Errorf("the right token of a stranger gets %s", got)
	}
	if got := ask(s, s.token); got != "200" {
		t.Errorf("the page that was open gets %s", got)
	}
}

// The address that a browser is started with is worth nothing once it was used.
func TestOnce(t *testing.T) {
	s := serve(t, nil)
	_, code, _ := strings.Cut(s.server.OnceURL(), "#once=")
	take := func(code string) (int, string) {
		status, text, _ := s.ask("POST", "/api/token", "", func(r *http.Request) { r.Header.Set("Authorization", "Once "+code) })
		return status, text
	}
	if status, _ := take(""); status != 401 {
		t.Errorf("no code: %d", status)
	}
	if status, text := take(code); status != 200 || text != s.token {
		t.Errorf("the code: %d %q", status, text)
	}
	for _, c := range []string{code, "", s.token} {
		if status, text := take(c); status < 401 || strings.Contains(text, s.token) {
			t.Errorf("%q afterwards: %d %q", c, status, text)
		}
	}
}

// Nothing on the page makes HTML of text, and nothing of it is script or style in a document: the
// policy would refuse that.
func TestAssetsMakeNoHTML(t *testing.T) {
	danger := map[string]*regexp.Regexp{
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser|createContextualFragment|https?://[^w]|localStorage|\.cookie`),
		".html": regexp.MustCompile(`<style|\sstyle=|\son\w+=|<script(>| [^>]*[^"]>)|https?://`),
		".css":  regexp.MustCompile(`@import|url\(`),
	}
	seen := 0
	err := fs.WalkDir(os.DirFS("assets"), ".", func(path string, _ fs.DirEntry, err error) error {
		rule := danger[path[max(0, strings.LastIndex(path, ".")):]]
		if err != nil || rule == nil {
			return err
		}
		seen++
		text, err := os.ReadFile("assets/" + path)
		if found := rule.Find(text); found != nil {
			t.Errorf("%s has %q", path, found)
		}
		return err
	})
	if err != nil || seen < 8 {
		t.Errorf("%d files, %v", seen, err)
	}
}

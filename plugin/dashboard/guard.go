package dashboard

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// policy lets the page have its own files, and no script, style or frame of anybody else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guarded lets nobody but the page ask: neither other pages in the same browser, nor other users of
// this machine.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !ours(s.listener.Addr().String(), r.Host) { // a name that leads here (DNS rebinding) would make another page one of ours
			http.Error(w, "this server answers at http://"+s.listener.Addr().String()+" only", http.StatusForbidden)
			return
		}
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r) // the page itself is no secret
			return
		}
		if foreign(r) {
			http.Error(w, "another page asked", http.StatusForbidden)
			return
		}
		if code, why := s.authorized(r); code != http.StatusOK {
			if code == http.StatusTooManyRequests {
				h.Set("Retry-After", "60")
			}
			http.Error(w, why, code)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours says whether a Host header is an address of the server that listens there. Browsers leave
// out port 80.
func ours(listens, host string) bool {
	_, port, err := net.SplitHostPort(listens)
	name, isOurs := strings.CutSuffix(host, ":"+port)
	return err == nil && (isOurs || port == "80") && (name == "127.0.0.1" || name == "localhost")
}

// foreign says whether a browser asks for another page than ours. Browsers tell the origin of each
// request that may change something.
func foreign(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case site != "" && site != "same-origin":
		return true
	case origin == "":
		return r.Method != http.MethodGet
	}
	return origin != "http://"+r.Host
}

// authorized checks the token. It must not be in a cookie: browsers send those to the servers on
// all ports of this machine.
func (s *Server) authorized(r *http.Request) (code int, why string) {
	kind, given, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found {
		return http.StatusUnauthorized, "the token is missing: open the address that the command printed"
	}
	scheme, want, once := "Bearer", s.token, r.URL.Path == tokenPath
	if once {
		scheme, want = "Once", s.code()
	}
	known, _ := r.Context().Value(connKey{}).(*atomic.Bool)
	right := want != "" && kind == scheme && subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
	switch {
	case right && known != nil && known.Load():
	case !s.tries.allow(right, s.now()):
		return http.StatusTooManyRequests, "too many wrong tokens: try again in a minute"
	case !right:
		return http.StatusForbidden, "the token is wrong, or was used: open the address that the command printed"
	}
	if once && !s.used(want) {
		return http.StatusForbidden, "the token was used: open the address that the command printed"
	}
	if known != nil {
		known.Store(true)
	}
	return http.StatusOK, ""
}

// tokenPath gives the token to who has the code of OnceURL.
const tokenPath = "/api/token"

func (s *Server) code() string {
	if p := s.once.Load(); p != nil {
		return *p
	}
	return ""
}

// used takes the code away; false if somebody else was faster.
func (s *Server) used(code string) bool {
	p := s.once.Load()
	return p != nil && *p == code && s.once.CompareAndSwap(p, nil)
}

// connKey is where the context of a request says whether its connection has shown the token before.
// So who tries tokens does not keep a page out that is open.
type connKey struct{}

func knownConn(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, new(atomic.Bool))
}

// Wrong tokens that are answered at once, and how often another one is.
const (
	wrongAtOnce = 10
	wrongEvery  = 6 * time.Second
)

// tries counts wrong tokens. When there were too many, right ones are refused as well: else the
// limit would stop nobody.
type tries struct {
	mu   sync.Mutex
	used float64
	last time.Time
}

func (t *tries) allow(right bool, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used = max(0, t.used-now.Sub(t.last).Seconds()/wrongEvery.Seconds())
	t.last = now
	if t.used > wrongAtOnce-1 {
		return false
	}
	if !right {
		t.used++
	}
	return true
}

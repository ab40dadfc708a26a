package haproxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// app is a task of a color: it answers with its color, and after as long as ?wait= says. With
// ?green=500 or ?green=300ms only the tasks of green fail, or take as long.
type app struct {
	color string
	posts atomic.Int64
	// status is what /healthz answers.
	status atomic.Int32
	server *http.Server
}

// startApp starts a task at one of the site's addresses, which DNS does not name yet.
func (s *site) startApp(n int, color string) *app {
	s.t.Helper()
	return s.startAppOn(n, color, testPort)
}

func (s *site) startAppOn(n int, color string, port uint16) *app {
	s.t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", s.addr(n), port))
	if err != nil {
		s.t.Fatal(err)
	}
	a := &app{color: color}
	a.status.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(a.status.Load())) })
	mux.HandleFunc("/", a.answer)
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	a.server = &http.Server{Handler: mux, Protocols: protocols, MaxHeaderBytes: 1 << 20}
	go a.server.Serve(listener)
	s.t.Cleanup(func() { a.server.Close() })
	return a
}

func (a *app) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		a.posts.Add(1)
		io.Copy(io.Discard, r.Body)
	}
	switch r.URL.Path {
	case "/header":
		fmt.Fprint(w, len(r.Header.Get("Cookie")))
		return
	case "/cut":
		conn, _, _ := http.NewResponseController(w).Hijack()
		conn.Close()
		return
	case "/stream":
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	case "/echo":
		conn, buffered, _ := http.NewResponseController(w).Hijack()
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(conn, buffered)
		return
	}
	switch does := r.URL.Query().Get(a.color); does {
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
		return
	case "cut":
		conn, _, _ := http.NewResponseController(w).Hijack()
		conn.Close()
		return
	default:
		r.URL.RawQuery += "&wait=" + does
	}
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	select {
	case <-time.After(wait):
	case <-r.Context().Done():
	}
	w.Header().Set("X-Proto", r.Proto)
	w.Header().Set("X-From", r.Header.Get("X-Forwarded-For"))
	io.WriteString(w, a.color)
}

// url is a proxy's address for users.
func (r *running) url(path string) string {
	return "http://" + r.address() + path
}

func (r *running) address() string {
	return net.JoinHostPort(r.addr, strconv.Itoa(testPort))
}

// get asks a proxy over a new connection, and returns the color or the failure.
func get(url string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: slower * 20 * time.Second}
	return ask(client, http.MethodGet, url)
}

func ask(client *http.Client, method, url string) string {
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err.Error()
	}
	return answerTo(client, request)
}

// answerTo is the text of an answer, its status if that is not 200, or the failure.
func answerTo(client *http.Client, request *http.Request) string {
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return string(body)
}

// answerAt answers at an address until the test ends.
func answerAt(t testing.TB, addr string, handler http.Handler) {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}

func readAll(t testing.TB, from io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wasClosed says whether a failure is that of a connection that was closed instead of an answer.
func wasClosed(failure string) bool {
	return slices.ContainsFunc([]string{"EOF", "reset", "server closed idle connection"}, func(how string) bool { return strings.Contains(failure, how) })
}

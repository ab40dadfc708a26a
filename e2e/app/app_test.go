package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func newTestServer(t *testing.T) (url string) {
	t.Helper()
	srv, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(srv.Handler)
	t.Cleanup(s.Close)
	return s.URL
}

func body(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("X-Version") != "dev" {
		t.Errorf("%s %v: %v", resp.Status, resp.Header, err)
	}
	return string(b)
}

func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("APP_COUNT_DIR", dir)
	url := newTestServer(t)
	get := func(path string) string { resp, err := http.Get(url + path); return body(t, resp, err) }
	post := func(path, data string) string {
		resp, err := http.Post(url+path, "text/plain", strings.NewReader(data))
		return body(t, resp, err)
	}
	if got := get("/"); got != "dev "+hostname+"\n" {
		t.Errorf("GET: %q", got)
	}
	if got := post("/any", "hello"); got != "hello" {
		t.Errorf("POST: %q", got)
	}
	if got := get("/count"); got != fmt.Sprintln(posts.Load()) || posts.Load() == 0 {
		t.Errorf("count: %q", got)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "dev@"+hostname)); err != nil || len(b) != 8 || b[7] != byte(posts.Load()) {
		t.Errorf("count file: %v, %v", b, err)
	}
	if got := post("/upload", strings.Repeat("x", 1<<20)); got != "1048576\n" {
		t.Errorf("upload: %q", got)
	}
	if got := get("/slow?ms=1"); got != "dev after 1 ms\n" {
		t.Errorf("slow: %q", got)
	}
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, []byte("a = b"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := get("/file?path=" + conf); got != "a = b" {
		t.Errorf("file: %q", got)
	}
	c, resp, err := websocket.Dial(t.Context(), url+"/ws", nil)
	if err != nil || resp.Header.Get("X-Version") != "dev" {
		t.Fatal(resp, err)
	}
	defer c.CloseNow()
	if err := c.Write(t.Context(), websocket.MessageText, []byte("over there")); err != nil {
		t.Error(err)
	}
	if _, message, err := c.Read(t.Context()); err != nil || string(message) != "over there" {
		t.Errorf("WebSocket: %q, %v", message, err)
	}
}

func TestCaller(t *testing.T) {
	c := newCaller(newTestServer(t))
	c.call()
	c.target = "http://127.0.0.1:1"
	c.call()
	if s := c.seen; s.OK != 1 || s.Failed != 1 || s.Versions["dev"] != 1 || s.Last != "dev" || len(s.Errors) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestHealth(t *testing.T) {
	h, err := startHealth()
	if err != nil {
		t.Fatal(err)
	}
	if err := probe(); err == nil || !strings.Contains(err.Error(), "not ready") {
		t.Errorf("before: %v", err)
	}
	h.healthy.Store(true)
	if err := probe(); err != nil {
		t.Error(err)
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echo(l)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("dev\nhi"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "dev\nhi" {
		t.Errorf("%q, %v", got, err)
	}
}

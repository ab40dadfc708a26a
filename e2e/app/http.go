package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

var (
	version     = env("APP_VERSION", "dev")
	hostname, _ = os.Hostname()
	posts       atomic.Int64
)

func newServer() (*http.Server, error) {
	count, err := openCount(os.Getenv("APP_COUNT_DIR"))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", slow)
	mux.HandleFunc("/upload", upload)
	mux.HandleFunc("/ws", ws)
	mux.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, posts.Load()) })
	mux.HandleFunc("/headers", func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(r.Header) })
	mux.HandleFunc("/file", file)
	mux.HandleFunc("/", count.answer)
	if target := os.Getenv("APP_CALL"); target != "" {
		c := newCaller(target)
		go c.run(duration("APP_CALL_EVERY", 20*time.Millisecond))
		mux.HandleFunc("/stats", c.stats)
	}
	srv := &http.Server{Handler: signed(mux), Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	return srv, nil
}

// signed puts version and host on every answer.
func signed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Version", version)
		w.Header().Set("X-Host", hostname)
		h.ServeHTTP(w, r)
	})
}

// slow answers after /slow?ms=N.
func slow(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.FormValue("ms"))
	if err != nil {
		http.Error(w, "want /slow?ms=5000", http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		fmt.Fprintf(w, "%s after %d ms\n", version, ms)
	case <-r.Context().Done():
	}
}

// file answers with what is in /file?path=PATH: a config or a secret, say.
func file(w http.ResponseWriter, r *http.Request) {
	content, err := os.ReadFile(r.FormValue("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Write(content)
}

// upload answers the number of bytes that it was sent.
func upload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		log.Printf("upload broken after %d bytes: %v", n, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, n)
}

// ws echoes messages.
func ws(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

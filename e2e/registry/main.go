//go:build linux

// Command registry serves images from its memory on the loopbacks of several network namespaces,
// those of a lab's nodes, all with one content: on one address to everybody, on another to those
// who log in. It writes "ready" to stdout, then each request as "METHOD PATH STATUS", and ends with
// its stdin.
package main

import (
	"crypto/subtle"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/registry"
	"golang.org/x/sys/unix"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func run() error {
	var spaces, users list
	open := flag.String("open", "127.0.0.1:5000", "address that is open to everybody")
	login := flag.String("login", "127.0.0.1:5001", "address that asks for a login")
	flag.Var(&users, "user", "USER:PASSWORD that may log in")
	flag.Var(&spaces, "netns", "file of a network namespace to listen in")
	flag.Parse()
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	for address, handler := range map[string]http.Handler{*open: images, *login: guarded(users, images)} {
		for _, space := range spaces {
			l, err := listenIn(space, address)
			if err != nil {
				return fmt.Errorf("listen on %s in %s: %w", address, space, err)
			}
			go func() { fmt.Fprintln(os.Stderr, "registry:", http.Serve(l, told(handler))) }()
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// listenIn opens a listener in another network namespace. It stays there, whatever thread serves
// it.
func listenIn(space, address string) (net.Listener, error) {
	f, err := os.Open(space)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	type result struct {
		net.Listener
		error
	}
	listening := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and nobody else gets its namespace
		if err := unix.Setns(int(f.Fd()), syscall.CLONE_NEWNET); err != nil {
			listening <- result{nil, err}
			return
		}
		l, err := net.Listen("tcp", address)
		listening <- result{l, err}
	}()
	r := <-listening
	return r.Listener, r.error
}

// guarded lets only those pass who give the name and password of a user.
func guarded(users []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if slices.ContainsFunc(users, func(u string) bool { return subtle.ConstantTimeCompare([]byte(u), []byte(user+":"+password)) == 1 }) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="images"`)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
	})
}

// told writes each request to stdout once it is answered.
func told(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(status, r)
		fmt.Printf("%s %s %d\n", r.Method, r.URL.Path, status.code)
	})
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

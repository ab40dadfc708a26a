// Command app is the application that the tests deploy: it says which version it is, counts, and
// fails in the ways that real applications do. It is set by environment variables, so that a stack
// file can change it:
//
//	APP_VERSION     what it answers (default "dev")
//	APP_PORTS       HTTP ports, comma-separated (default 8080); also HTTP/2 without TLS
//	APP_TLS_PORTS   HTTPS ports, with a certificate of its own (default none)
//	APP_TCP_PORTS   ports that send the version as a line, then echo (default none)
//	APP_FAIL        exit: ends at once, with status 3     unhealthy: its healthcheck fails for ever
//	                late: listens APP_LATE after its start (default 2s), unhealthy before
//	                refuse: healthy for Docker, but nothing listens on its ports
//	APP_BAD         answers so many percent of the requests with status 500 (default 0)
//	                (all of them once somebody has asked for /break)
//	APP_EXIT        a job: ends with this status, APP_LATE after its start (default at once)
//	APP_EXPECT      a job: ends with 0 if this version answers at BLUEGREEN_URL and at
//	                BLUEGREEN_DIRECT_URL, and with 4 if not, APP_LATE after its start
//	APP_STOP_DELAY  goes on serving for so long after SIGTERM, then ends what is in flight (default 2s)
//	APP_COUNT_DIR   directory, a volume, in which the number of POSTs is kept; it outlives the container
//	APP_CALL        URL to call from inside the swarm every APP_CALL_EVERY (default 20ms); the counts are at /stats
//
// app -healthcheck is the probe of its image.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.Lmicroseconds)
	if len(os.Args) > 1 && os.Args[1] == "-healthcheck" {
		if err := probe(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	fail := os.Getenv("APP_FAIL")
	log.Printf("version %s starts %s", version, fail)
	if fail == "exit" {
		log.Print("cannot connect to the database: giving up")
		os.Exit(3)
	}
	if status := os.Getenv("APP_EXIT"); status != "" {
		return job(status)
	}
	if want := os.Getenv("APP_EXPECT"); want != "" {
		return test(want)
	}
	h, err := startHealth()
	if err != nil {
		return err
	}
	if fail == "late" {
		select { // the one place where time itself is the behaviour
		case <-time.After(duration("APP_LATE", 2*time.Second)):
		case <-ctx.Done():
		}
	}
	srv, err := newServer()
	if err != nil {
		return err
	}
	if fail != "refuse" {
		if err := listen(srv); err != nil {
			return err
		}
	}
	if fail != "unhealthy" {
		h.healthy.Store(true)
	}
	<-ctx.Done()
	return shutDown(srv)
}

// job ends as it is told to: a migration, say.
func job(status string) error {
	code, err := strconv.Atoi(status)
	if err != nil {
		return fmt.Errorf("APP_EXIT: %w", err)
	}
	time.Sleep(duration("APP_LATE", 0))
	log.Printf("job of version %s ends with status %d", version, code)
	os.Exit(code)
	return nil
}

// test ends with 4 unless a version answers at both addresses of the release under test.
func test(want string) error {
	time.Sleep(duration("APP_LATE", 0))
	log.Printf("tests release %s on %s", os.Getenv("BLUEGREEN_RELEASE"), os.Getenv("BLUEGREEN_COLOR"))
	for _, name := range []string{"BLUEGREEN_URL", "BLUEGREEN_DIRECT_URL"} {
		resp, err := http.Get(os.Getenv(name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Version"); got != want {
			log.Printf("%s: version %s answered at %s, want %s", name, got, os.Getenv(name), want)
			os.Exit(4)
		}
	}
	log.Printf("version %s answers", want)
	return nil
}

func listen(srv *http.Server) error {
	for _, port := range ports("APP_PORTS", "8080") {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		go srv.Serve(l)
	}
	for _, port := range ports("APP_TLS_PORTS", "") {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		config, err := ownCertificate()
		if err != nil {
			return err
		}
		go srv.Serve(tls.NewListener(l, config))
	}
	for _, port := range ports("APP_TCP_PORTS", "") {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		go echo(l)
	}
	return nil
}

func shutDown(srv *http.Server) error {
	delay := duration("APP_STOP_DELAY", 2*time.Second)
	log.Printf("SIGTERM: serving for another %s", delay)
	time.Sleep(delay)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // Docker's stop_grace_period ends it earlier
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Printf("bye, after %d POSTs", posts.Load())
	return nil
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func ports(name, otherwise string) []string {
	return strings.FieldsFunc(env(name, otherwise), func(r rune) bool { return r == ',' || r == ' ' })
}

func duration(name string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(env(name, otherwise.String()))
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return d
}

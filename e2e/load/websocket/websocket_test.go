package websocket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEcho(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Version", "v7")
		c, err := Accept(w, r)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			m, err := c.Receive()
			if err != nil {
				return
			}
			c.Send(m)
		}
	}))
	defer srv.Close()
	c, err := Dial(t.Context(), srv.URL+"/ws")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v := c.Header.Get("X-Version"); v != "v7" {
		t.Errorf("X-Version %q", v)
	}
	for _, n := range []int{0, 1, 125, 126, 70000} {
		if err := c.Echo(strings.Repeat("x", n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if err := c.write(opClose, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Receive(); err != io.EOF {
		t.Errorf("after close: %v, want EOF", err)
	}
}

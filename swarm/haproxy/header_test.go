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
)

// Headers of up to 64 KiB reach the service. Larger ones get 431, before HAProxy 3.4 400, and a
// line in the log.
func TestHeaders(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, _ := s.pair()
		tooLarge := "431 "
		if h.name == "2.6" {
			tooLarge = "400 "
		}
		many := http.Header{}
		for i := range 90 {
			many.Set(fmt.Sprint("X-Header-", i), strings.Repeat("x", 700))
		}
		for _, c := range []struct {
			name   string
			cookie int
			more   http.Header
			want   string
		}{
			{"a small one", 100, nil, "200 100"},
			{"60 KiB", 60 << 10, nil, fmt.Sprint("200 ", 60<<10)},
			{"64 KiB", 64 << 10, nil, fmt.Sprint("200 ", 64<<10)},
			{"64 KiB in many headers", 100, many, "200 100"},
			{"80 KiB", 80 << 10, nil, tooLarge},
			{"300 KiB", 300 << 10, nil, tooLarge},
		} {
			t.Run(c.name, func(t *testing.T) {
				request, _ := http.NewRequest(http.MethodGet, a.url("/header"), nil)
				for name, values := range c.more {
					request.Header[name] = values
				}
				request.Header.Set("Cookie", strings.Repeat("x", c.cookie))
				// HAProxy closes without having read all, which can be faster than its answer.
				var got string
				eventually(t, 10*time.Second, "an answer", func() bool { got = exchange(a, request); return got != "" })
				if !strings.HasPrefix(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if c.want == tooLarge {
					eventually(t, 5*time.Second, "the log tells of it", func() bool { return strings.Contains(a.log.String(), "PR--") })
				}
			})
		}
	})
}

// exchange sends a request over a connection of its own and returns code and body of the answer,
// also when the request could not be sent as a whole.
func exchange(to *running, request *http.Request) string {
	conn, err := net.Dial("tcp", to.address())
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	request.Write(conn)
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return ""
	}
	return fmt.Sprint(response.StatusCode, " ", string(body))
}

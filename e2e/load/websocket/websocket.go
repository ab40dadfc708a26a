// Package websocket is as much of RFC 6455 as a test needs: text messages, one frame each, both as
// server and as client.
package websocket

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Conn is an open WebSocket. One goroutine may read while another one writes.
type Conn struct {
	net.Conn
	r      *bufio.Reader
	client bool        // clients mask what they send
	Header http.Header // of the server's answer; nil on the server's side
}

func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Accept takes over a request as a server. Headers that were set on w go out with the answer.
func Accept(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if key == "" || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
		return nil, errors.New("not a WebSocket request")
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	h := w.Header().Clone()
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-WebSocket-Accept", accept(key))
	fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\n")
	h.Write(rw)
	fmt.Fprint(rw, "\r\n")
	return &Conn{Conn: conn, r: rw.Reader}, rw.Flush()
}

// Dial opens a WebSocket as a client; target is an http:// URL. ctx limits the opening only.
func Dial(ctx context.Context, target string) (*Conn, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	c, err := handshake(ctx, conn, u)
	if err != nil {
		conn.Close()
	}
	return c, err
}

func handshake(ctx context.Context, conn net.Conn, u *url.URL) (*Conn, error) {
	if limit, ok := ctx.Deadline(); ok {
		conn.SetDeadline(limit)
		defer conn.SetDeadline(time.Time{})
	}
	key := base64.StdEncoding.EncodeToString([]byte(rand.Text()[:16]))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", u.RequestURI(), u.Host, key)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != accept(key) {
		return nil, fmt.Errorf("no WebSocket: %s", resp.Status)
	}
	return &Conn{Conn: conn, r: r, client: true, Header: resp.Header}, nil
}

// Echo sends a message and waits for the same to come back.
func (c *Conn) Echo(message string) error {
	if err := c.Send(message); err != nil {
		return err
	}
	got, err := c.Receive()
	if err == nil && got != message {
		err = fmt.Errorf("sent %q, got %q back", message, got)
	}
	return err
}

const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// Send sends a text message.
func (c *Conn) Send(message string) error { return c.write(opText, []byte(message)) }

// Receive waits for a message; io.EOF when the other side has closed. It answers pings.
func (c *Conn) Receive() (string, error) {
	for {
		op, payload, err := c.read()
		switch {
		case err != nil:
			return "", err
		case op == opClose:
			c.write(opClose, nil)
			return "", io.EOF
		case op == opPing:
			err = c.write(opPong, payload)
		case op != opPong:
			return string(payload), nil
		}
		if err != nil {
			return "", err
		}
	}
}

package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// conn is a connection to a target. net/http's client is not used because it sends a request again
// when a kept connection breaks, and so hides what these tests look for.
type conn struct {
	net.Conn
	r     *bufio.Reader
	write []byte // reused
	body  bytes.Buffer
}

func dial(target string, limit time.Time) (*conn, error) {
	c, err := (&net.Dialer{Deadline: limit}).Dial("tcp", target)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, r: bufio.NewReader(c)}, nil
}

func (c *conn) close() {
	if c != nil {
		c.Close()
	}
}

// usable tells whether a request may be begun on a kept connection: the server has neither closed
// it nor said anything unasked.
func (c *conn) usable() bool {
	if c == nil {
		return false
	}
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		open = err == syscall.EAGAIN
		return true
	})
	return err == nil && open
}

// http sends one request and reads its answer. A POST's answer must be its body.
func (c *conn) http(o *Options, target string, post, keep bool, n int64) (version string, reuse bool, err error) {
	method, body := "GET", ""
	if post {
		method, body = "POST", "request "+strconv.FormatInt(n, 10)
	}
	if o.Host != "" {
		target = o.Host
	}
	b := append(c.write[:0], method+" "+o.Path+" HTTP/1.1\r\nHost: "+target+"\r\n"...)
	if o.Header != "" {
		b = append(b, o.Header+"\r\n"...)
	}
	if !keep {
		b = append(b, "Connection: close\r\n"...)
	}
	if post {
		b = append(b, "Content-Length: "+strconv.Itoa(len(body))+"\r\n"...)
	}
	c.write = append(append(b, "\r\n"...), body...)
	if _, err := c.Write(c.write); err != nil {
		return "", false, err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "", false, fmt.Errorf("read answer: %w", err)
	}
	version = resp.Header.Get(o.Version)
	c.body.Reset()
	_, err = c.body.ReadFrom(resp.Body)
	switch {
	case err != nil:
		return version, false, fmt.Errorf("read body: %w", err)
	case resp.StatusCode != http.StatusOK:
		return version, false, fmt.Errorf("%s: %.100q", resp.Status, c.body.String())
	case version == "":
		return version, false, fmt.Errorf("answer without %s: %.100q", o.Version, c.body.String())
	case post && c.body.String() != body:
		return version, false, fmt.Errorf("sent %q, got %.100q back", body, c.body.String())
	}
	return version, !resp.Close, nil
}

// talk is the exchange with a TCP port.
func (c *conn) talk() (version string, err error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read version: %w", err)
	}
	version = strings.TrimSpace(line)
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		return version, err
	}
	line, err = c.r.ReadString('\n')
	if err == nil && line != "hello\n" {
		err = fmt.Errorf("sent hello, got %.100q back", line)
	}
	return version, err
}

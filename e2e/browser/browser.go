//go:build linux

// Package browser runs Chromium without a screen, and talks to it over pipes by the protocol that
// its developer tools use.
package browser

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Page is a page of a Chromium of its own.
type Page struct {
	cmd     *exec.Cmd
	dir     string
	out     io.WriteCloser
	session string

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	// said are lines of the page's console, and of what it refused.
	said []string
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Start starts Chromium with an empty page.
func Start(ctx context.Context) (*Page, error) {
	dir, err := os.MkdirTemp("", "bluegreen-chromium-")
	if err != nil {
		return nil, err
	}
	in, toChromium, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	fromChromium, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &Page{dir: dir, out: toChromium, waiting: map[int]chan answer{}}
	p.cmd = exec.CommandContext(ctx, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--hide-scrollbars", "--user-data-dir="+dir, "--remote-debugging-pipe", "about:blank")
	p.cmd.ExtraFiles = []*os.File{in, out} // 3 and 4
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	in.Close()
	out.Close()
	go p.listen(fromChromium)
	return p, p.attach()
}

// attach takes the page that Chromium starts with.
func (p *Page) attach() error {
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // between two looks
		if err := p.Call("Target.getTargets", nil, &targets); err != nil {
			return err
		}
		for _, t := range targets.TargetInfos {
			if t.Type != "page" {
				continue
			}
			var s struct{ SessionID string }
			if err := p.Call("Target.attachToTarget", map[string]any{"targetId": t.TargetID, "flatten": true}, &s); err != nil {
				return err
			}
			p.session = s.SessionID
			return errors.Join(p.Call("Page.enable", nil, nil), p.Call("Runtime.enable", nil, nil), p.Call("Log.enable", nil, nil))
		}
		if time.Now().After(end) {
			return errors.New("chromium shows no page")
		}
	}
}

// Close ends Chromium, and removes what it has written.
func (p *Page) Close() error {
	p.out.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
	var err error
	for range 20 { // its children may still write
		if err = os.RemoveAll(p.dir); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (p *Page) listen(from io.ReadCloser) {
	defer from.Close()
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			break
		}
		var a answer
		if json.Unmarshal(text[:len(text)-1], &a) != nil {
			continue
		}
		p.mu.Lock()
		if c := p.waiting[a.ID]; c != nil {
			delete(p.waiting, a.ID)
			c <- a
		}
		switch a.Method {
		case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening":
			p.said = append(p.said, a.Method+" "+string(a.Params))
		}
		p.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.waiting {
		delete(p.waiting, id)
		close(c)
	}
}

// Said are the messages of the page's console: errors of scripts, and what its policy refused.
func (p *Page) Said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.said...)
}

// Call calls a method of the protocol.
func (p *Page) Call(method string, params, result any) error {
	if params == nil {
		params = map[string]any{}
	}
	c := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	message := map[string]any{"id": p.last, "method": method, "params": params}
	if p.session != "" {
		message["sessionId"] = p.session
	}
	p.waiting[p.last] = c
	p.mu.Unlock()
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if _, err := p.out.Write(append(text, 0)); err != nil {
		return err
	}
	a, alive := <-c
	switch {
	case !alive:
		return errors.New(method + ": chromium has ended")
	case a.Error != nil:
		return fmt.Errorf("%s: %s", method, a.Error.Message)
	case result == nil:
		return nil
	}
	return json.Unmarshal(a.Result, result)
}

// Open goes to an address.
func (p *Page) Open(url string) error {
	return p.Call("Page.navigate", map[string]any{"url": url}, nil)
}

// Eval gives the value of an expression, which may be a promise.
func (p *Page) Eval(expression string, value any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	if err := p.Call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r); err != nil {
		return err
	}
	if r.ExceptionDetails != nil {
		return fmt.Errorf("%s: %s", expression, r.ExceptionDetails.Exception.Description)
	}
	if value == nil || r.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, value)
}

// Await waits until an expression is true, for a minute at most.
func (p *Page) Await(expression string) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // between two looks
		var holds bool
		err := p.Eval("Boolean("+expression+")", &holds)
		if holds {
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("not within a minute: %s", expression), err)
		}
	}
}

// Key presses a key, such as Tab, Enter or Escape.
func (p *Page) Key(name string) error {
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27}
	params := map[string]any{"type": "keyDown", "key": name, "code": name, "windowsVirtualKeyCode": codes[name]}
	if name == "Enter" {
		params["text"] = "\r"
	}
	if err := p.Call("Input.dispatchKeyEvent", params, nil); err != nil {
		return err
	}
	params["type"] = "keyUp"
	return p.Call("Input.dispatchKeyEvent", params, nil)
}

// Look sets the width and height of the page in pixels, and whether its reader likes it dark.
func (p *Page) Look(width, height int, dark bool) error {
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	return errors.Join(
		p.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil),
		p.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
			{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}}}, nil))
}

// Shot is a picture of the page as PNG: of all of it, or of what is on the screen.
func (p *Page) Shot(all bool) ([]byte, error) {
	var r struct{ Data string }
	if err := p.Call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": all}, &r); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(r.Data)
}

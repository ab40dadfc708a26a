package dashboard

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"
)

//go:embed assets
var assets embed.FS

// mostPages is how many pages may be open at once.
const mostPages = 32

// beatEvery is how often a stream says that it is still there.
const beatEvery = 15 * time.Second

// handler answers all requests. Looks end with the first context, actions with the second.
func (s *Server) handler(looks, actions context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { asset(w, "page.html") })
	mux.HandleFunc("GET /{file}", func(w http.ResponseWriter, r *http.Request) { asset(w, r.PathValue("file")) })
	mux.HandleFunc("POST "+tokenPath, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s.token) })
	mux.HandleFunc("GET /api/events", func(w http.ResponseWriter, r *http.Request) { s.events(looks, w, r) })
	mux.HandleFunc("GET /api/stacks/{stack}/plan", s.planned)
	mux.HandleFunc("GET /api/stacks/{stack}/file", s.plannedFile)
	mux.HandleFunc("POST /api/stacks/{stack}/action", func(w http.ResponseWriter, r *http.Request) { s.act(actions, w, r) })
	mux.HandleFunc("DELETE /api/action/{id}", func(w http.ResponseWriter, r *http.Request) {
		if id, err := strconv.Atoi(r.PathValue("id")); err != nil || !s.stop(id) {
			http.Error(w, "that action is not under way", http.StatusConflict)
		}
	})
	return s.guarded(mux)
}

// kinds are the files that the page is made of.
var kinds = map[string]string{".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

// asset answers with a file of the page.
func asset(w http.ResponseWriter, name string) {
	content, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.Error(w, "the page has no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(name)]+"; charset=utf-8")
	_, _ = w.Write(content) // the page is gone
}

// events is the stream of what a page shows: all stacks, one of them, and the last action.
func (s *Server) events(looks context.Context, w http.ResponseWriter, r *http.Request) {
	defer s.pages.Add(-1)
	if s.pages.Add(1) > mostPages {
		http.Error(w, fmt.Sprintf("%d pages are open: close some", mostPages), http.StatusServiceUnavailable)
		return
	}
	stack := r.URL.Query().Get("stack")
	if !s.shows(stack) && stack != "" {
		http.Error(w, "this dashboard shows stack "+s.options.Stack, http.StatusNotFound)
		return
	}
	all, leave := s.watch(looks, "")
	defer leave()
	feeds := []stream{{name: "stacks", feed: all}, {name: "action", feed: &s.action}}
	if stack != "" {
		one, leave := s.watch(looks, stack)
		defer leave()
		feeds = append(feeds, stream{name: "stack", feed: one})
	}
	w.Header().Set("Content-Type", "text/event-stream")
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		var changed [3]<-chan struct{} // nil is never ready
		for i := range feeds {
			changed[i] = feeds[i].send(w)
		}
		if http.NewResponseController(w).Flush() != nil {
			return // the page is gone
		}
		if r.Context().Err() != nil {
			return // the page had what came last
		}
		select {
		case <-r.Context().Done():
		case <-changed[0]:
		case <-changed[1]:
		case <-changed[2]:
		case <-beat.C:
			fmt.Fprint(w, ": beat\n\n")
		}
	}
}

// stream is a feed as one page has got it.
type stream struct {
	name string
	*feed
	sent []byte
}

// send writes what is new. Its channel closes when there is more. An error comes with the next
// flush.
func (f *stream) send(w http.ResponseWriter) <-chan struct{} {
	text, changed := f.get()
	if text != nil && !bytes.Equal(text, f.sent) {
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", f.name, text)
		f.sent = text
	}
	return changed
}

// planned tells what an action would do.
func (s *Server) planned(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	want := wish{Do: q.Get("do"), Services: q["service"]}
	if text := q.Get("release"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			http.Error(w, "a release is a number", http.StatusBadRequest)
			return
		}
		want.Release = n
	}
	stack, ok := s.wished(w, r, want)
	if !ok {
		return
	}
	p, err := deeds[want.Do].plan(s.options.Open(stack), r.Context(), s.flipOptions(want))
	reply(w, http.StatusOK, s.viewOf(p, nil, err))
}

// plannedFile tells what an up with the file of the command line would do.
func (s *Server) plannedFile(w http.ResponseWriter, r *http.Request) {
	if f := s.options.File; f == nil || f.Stack != r.PathValue("stack") || !s.shows(f.Stack) {
		http.Error(w, "the dashboard has no file of this stack: start it with -f", http.StatusNotFound)
		return
	}
	p, warnings, err := s.options.File.Plan(r.Context())
	reply(w, http.StatusOK, s.viewOf(p, warnings, err))
}

// act begins an action.
func (s *Server) act(actions context.Context, w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "an action is JSON", http.StatusUnsupportedMediaType)
		return
	}
	const most = 16 << 10
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	in.DisallowUnknownFields()
	var want wish
	if err := in.Decode(&want); err != nil {
		http.Error(w, "an action that is not understood: "+err.Error(), http.StatusBadRequest)
		return
	}
	stack, ok := s.wished(w, r, want)
	if !ok {
		return
	}
	if err := s.start(actions, stack, want); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// wished checks what a request asks for, and answers it if that is not possible.
func (s *Server) wished(w http.ResponseWriter, r *http.Request, want wish) (stack string, ok bool) {
	stack = r.PathValue("stack")
	if !s.shows(stack) {
		http.Error(w, "this dashboard shows stack "+s.options.Stack, http.StatusNotFound)
		return "", false
	}
	if err := want.check(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return "", false
	}
	return stack, true
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the page is gone
}

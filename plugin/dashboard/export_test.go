package dashboard

import "time"

// Idle waits until nobody looks at the swarm any more.
func (s *Server) Idle() { s.looking.Wait() }

// Break ends the listener of the server, as a fault of the system would.
func (s *Server) Break() error { return s.listener.Close() }

// Clock replaces the clock. It must be called before Serve.
func (s *Server) Clock(now func() time.Time) { s.now = now }

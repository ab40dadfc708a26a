package dashboard

// Idle waits until nobody looks at the swarm any more.
func (s *Server) Idle() { s.looking.Wait() }

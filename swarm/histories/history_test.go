package histories

import (
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// history is what happens to a stack, one step after the other.
type history struct {
	// Start is how many releases there are at first, 0 to 2.
	Start int `json:"start"`
	// Cold says that the file asks for keep: cold.
	Cold  bool   `json:"cold,omitempty"`
	Steps []step `json:"steps"`
}

// step is one thing that is done, and how long it is until the next.
type step struct {
	Do string `json:"do"`
	// N says to what: the release of an up, the color of a flip, a number of tasks, a node.
	N int `json:"n,omitempty"`
	// Wait says that a command is waited for. Commands that are not waited for go on side by side.
	Wait    bool     `json:"wait,omitempty"`
	Trouble *trouble `json:"trouble,omitempty"`
	// Pause is in seconds.
	Pause int `json:"pause,omitempty"`
}

// trouble befalls one command.
type trouble struct {
	Kind string `json:"kind"`
	// At is the number of the call, or of the write, at which it begins.
	At int `json:"at"`
	// For is in seconds: how long it is cut off; in tenths of seconds, how long each call takes.
	For int `json:"for,omitempty"`
}

// What can befall a command.
const (
	killed      = "killed"       // before a write
	killedAfter = "killed after" // the write is carried out
	lostAnswer  = "lost answer"  // of a write that is carried out; only of this one
	cutOff      = "cut off"      // calls fail from one on
	slow        = "slow"
	interrupted = "interrupted"
)

// What can be done.
const (
	up, flip, rollback, down = "up", "flip", "rollback", "down"
	rollbackTo               = "rollback --to" // N is the release
	plainUp                  = "plain up"      // of the file without x-bluegreen
	waitingUp                = "up --no-flip"
	stepUp                   = "up in steps"
	guardUp                  = "up with a guard"
	promote                  = "promote"
	canary                   = "canary" // N is the share in percent
	pause, resume            = "pause", "resume"

	scale         = "scale"          // a color, by hand; N is color*10 + replicas
	scaleProxies  = "scale proxies"  // by hand
	restart       = "restart"        // docker service update --force, of a color
	rollbackColor = "rollback color" // docker service rollback
	rollbackProxy = "rollback proxy"
	removeColor   = "remove color"
	removeProxy   = "remove proxy"
	drain         = "drain" // a node
	activate      = "activate"

	nodeDown = "node down"
	nodeUp   = "node up"
	noLeader = "no leader" // for N seconds no manager answers
	killTask = "kill"      // N is a proxy
	trip     = "trip"      // the guard goes back, where it watches
	hours    = "hours"     // pass
)

var commands = []string{up, flip, rollback, rollbackTo, down, plainUp, waitingUp, stepUp, guardUp, promote, canary, pause, resume}

func (h history) String() string {
	text, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func parse(text string) (history, error) {
	var h history
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return h, fmt.Errorf("history: %w", err)
	}
	return h, nil
}

func (s step) pause() time.Duration { return time.Duration(s.Pause) * time.Second }

// drawn draws a history. What comes first is what a history is shortened to.
func drawn(t *rapid.T) history {
	h := history{Start: rapid.SampledFrom([]int{2, 1, 2, 0}).Draw(t, "start"), Cold: rapid.IntRange(0, 4).Draw(t, "cold") == 4}
	h.Steps = rapid.SliceOfN(rapid.Custom(drawnStep), 2, 8).Draw(t, "steps")
	return h
}

func drawnStep(t *rapid.T) step {
	s := step{Pause: rapid.SampledFrom([]int{0, 1, 2, 3, 4, 6, 10, 20, 45}).Draw(t, "pause")}
	s.Do = rapid.SampledFrom([]string{
		up, up, up, up, up, flip, flip, flip, rollback, rollback, rollback, rollbackTo, rollbackTo, down, plainUp,
		waitingUp, stepUp, stepUp, guardUp, guardUp, guardUp, trip, trip, trip, promote, canary, canary, pause, resume,
		nodeDown, nodeUp, noLeader, killTask, killTask, drain, activate, scale, scaleProxies, restart,
		rollbackColor, rollbackProxy, removeColor, removeProxy, hours,
	}).Draw(t, "do")
	switch s.Do {
	case rollbackTo:
		s.N = rapid.IntRange(1, 5).Draw(t, "number")
	case up, plainUp, waitingUp, stepUp, guardUp:
		s.N = rapid.IntRange(1, 4).Draw(t, "release")
	case flip, restart, rollbackColor, removeColor:
		s.N = rapid.IntRange(0, 1).Draw(t, "color")
	case canary:
		s.N = rapid.SampledFrom([]int{25, 0, 50}).Draw(t, "share")
	case scale:
		s.N = rapid.IntRange(0, 1).Draw(t, "color")*10 + rapid.IntRange(0, 3).Draw(t, "replicas")
	case scaleProxies:
		s.N = rapid.IntRange(1, 3).Draw(t, "replicas")
	case nodeDown, nodeUp, drain, activate:
		s.N = rapid.IntRange(1, 3).Draw(t, "node")
	case killTask:
		s.N = rapid.IntRange(0, 1).Draw(t, "proxy")
	case noLeader:
		s.N = rapid.SampledFrom([]int{1, 5, 12, 24}).Draw(t, "seconds")
	}
	if !isCommand(s.Do) {
		return s
	}
	s.Wait = rapid.Bool().Draw(t, "wait")
	if rapid.IntRange(0, 2).Draw(t, "troubled") == 2 {
		s.Trouble = drawnTrouble(t)
	}
	return s
}

func drawnTrouble(t *rapid.T) *trouble {
	x := &trouble{Kind: rapid.SampledFrom([]string{killed, killedAfter, lostAnswer, interrupted, cutOff, slow}).Draw(t, "trouble")}
	switch x.Kind {
	case cutOff:
		x.At, x.For = rapid.IntRange(1, 80).Draw(t, "call"), rapid.SampledFrom([]int{1, 4, 10, 20, 40, 90}).Draw(t, "seconds")
	case slow:
		x.For = rapid.IntRange(1, 20).Draw(t, "tenths")
	default:
		x.At = rapid.IntRange(1, 20).Draw(t, "write")
	}
	return x
}

func isCommand(do string) bool {
	for _, c := range commands {
		if c == do {
			return true
		}
	}
	return false
}

package histories

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	count  = flag.Int("histories", 10_000, "how many histories are run")
	most   = flag.Duration("time", 60*time.Second, "how long histories are begun; with -soak as many as the time allows")
	soak   = flag.Bool("soak", false, "run for all of -time, others each time")
	replay = flag.String("history", "", "a history to run again, as JSON")
)

// tries is how often a history is run once one has failed: goroutines do not run in the same order
// each time.
const tries = 3

// round is how many histories a soak draws before it looks at the clock: rapid always ends a round.
const round = 1000

// Whatever happens, what takes traffic is left alone, no command lies, and the next one finishes.
// Each run has the same histories, so that who changes something else does not meet a new fault; a
// soak, or -rapid.seed, has others.
func TestHistories(t *testing.T) {
	debug.SetGCPercent(800)
	load(t)
	setDefault("rapid.nofailfile", "true")
	setDefault("rapid.shrinktime", "20s")
	workers, shared := runtime.GOMAXPROCS(0), false
	if *soak {
		setDefault("rapid.checks", strconv.Itoa(round))
	} else {
		setDefault("rapid.checks", strconv.Itoa(*count))
		shared = setDefault("rapid.seed", "1")
	}
	end := time.Now().Add(*most)
	var ran atomic.Int64
	var failed atomic.Bool
	t.Cleanup(func() { t.Logf("%d histories", ran.Load()) })
	for n := range workers {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			number, again := 0, false
			over := func() bool { return time.Now().After(end) || failed.Load() }
			check := func(rt *rapid.T) {
				if !again && over() {
					return
				}
				h := drawn(rt)
				if number++; shared && !again && number%workers != n {
					return // another worker, which draws the same, runs it
				}
				for range map[bool]int{false: 1, true: tries}[again] {
					ran.Add(1)
					if found := live(t, h); found != nil {
						if again = true; failed.CompareAndSwap(false, true) {
							fmt.Printf("failed after %d histories\n", ran.Load())
						}
						rt.Fatalf("%s\n%s", strings.Join(found, "\n"), runAgain(h))
					}
				}
			}
			rapid.Check(t, check)
			for *soak && !over() {
				rapid.Check(t, check)
			}
		})
	}
}

// setDefault sets a flag that was not given, and says whether that is so.
func setDefault(name, value string) bool {
	f := flag.Lookup(name)
	return f.Value.String() == f.DefValue && flag.Set(name, value) == nil
}

func runAgain(h history) string {
	return fmt.Sprintf("again: go test ./swarm/histories -run TestReplay -history '%s'", h)
}

// A history is run again.
func TestReplay(t *testing.T) {
	if *replay == "" {
		t.Skip("no -history")
	}
	load(t)
	h, err := parse(*replay)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if found := live(t, h); found != nil {
			t.Fatal(strings.Join(found, "\n"))
		}
	}
}

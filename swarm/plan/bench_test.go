package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// manyServices is a stack of n plain services and a tenth as many blue-green ones.
func manyServices(n int) string {
	var b strings.Builder
	b.WriteString("services:\n")
	for i := range n {
		fmt.Fprintf(&b, "  plain%d:\n    image: shop/plain%d:1\n    environment: {A: a, B: b, C: c}\n    ports: ['%d:80']\n    networks: [front, back]\n", i, i%50, 10000+i)
		if i%10 == 0 {
			fmt.Fprintf(&b, "  web%d:\n    image: shop/web:1\n    expose: [8080]\n    networks: [front]\n    depends_on: [plain%d]\n    x-bluegreen: {}\n", i, i)
		}
	}
	b.WriteString("networks: {front: {}, back: {}}\n")
	return b.String()
}

// BenchmarkPlan plans 1,000 services: from nothing, with nothing to do, and with a new image for
// each. The goal is a second and 200 MB for each plan.
func BenchmarkPlan(b *testing.B) {
	load := func(file string) *compose.Project {
		dir := b.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o644); err != nil {
			b.Fatal(err)
		}
		p, err := compose.Load(b.Context(), compose.Options{Dir: dir, Name: "shop"})
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	file := manyServices(1000)
	first, next := load(file), load(strings.ReplaceAll(file, ":1\n", ":2\n"))
	seen := plantest.Nothing()
	todo, err := plan.ForUp(first, seen, &plan.Images{}, plan.UpOptions{})
	if err != nil {
		b.Fatal(err)
	}
	plantest.CarriedOut(seen, todo)
	for _, tc := range []struct {
		name    string
		project *compose.Project
		seen    *cluster.Snapshot
		steps   bool
	}{{"from nothing", first, plantest.Nothing(), true}, {"nothing to do", first, seen, false}, {"all new", next, seen, true}} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			var peak uint64
			for b.Loop() {
				todo, err := plan.ForUp(tc.project, tc.seen, &plan.Images{}, plan.UpOptions{})
				if err != nil || len(todo.Steps) > 0 != tc.steps {
					b.Fatal(err, todo)
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.Sys)
			}
			b.ReportMetric(float64(peak)/(1<<20), "MB-of-the-process")
		})
	}
}

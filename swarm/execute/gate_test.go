package execute

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writers are the functions that change or remove a service, and why no color is stopped by it. A
// function that is not among them must do so by way of the gate, which asks the proxies.
var writers = map[string]string{
	"execute/gate.go stop":                   "the gate",
	"execute/gate.go replace":                "the gate",
	"execute/gate.go discard":                "the gate",
	"execute/gate.go extend":                 "the gate: it refuses a change that ends a task",
	"execute/colors.go changeColor":          "the active color gets the number of replicas that the file says",
	"execute/colors.go markColor":            "a label",
	"execute/credentials.go sendCredentials": "it changes nothing but the credentials",
	"execute/adopt.go adopt":                 "a plain service",
	"execute/adopt.go sendByAddress":         "labels of a plain service",
	"execute/giveback.go giveBack":           "the proxies",
	"execute/jobs.go runJob":                 "a job",
	"execute/objects.go updatePlain":         "a plain service",
	"execute/proxies.go putProxies":          "the proxies",
	"execute/test.go putTest":                "a job",
	"execute/test.go runTest":                "labels",
	"execute/restore.go unmarkWithdrawn":     "a label",
	"steps.go leftOf":                        "labels",
	"execute/undo.go undoAdoption":           "the proxies",
	"execute/remove.go removeOfStack":        "what is no color: those go by way of the gate",
	"execute/remove.go remove":               "what is no color",
	"up.go tidyUp":                           "control jobs",
	"traffic/order.go Send":                  "its control job",
	"traffic/switch.go writeIntent":          "labels",
	"traffic/switch.go raiseIntent":          "labels",
	"traffic/switch.go withdraw":             "labels",
	"traffic/switch.go relabel":              "labels",
	"cluster/labels.go rewriteWith":          "Rewrite itself",
	"cluster/labels.go Rewrite":              "itself",
	"cluster/labels.go Relabel":              "labels",
	"cluster/unstick.go UnstickWith":         "only slots without a node get fewer",
	"cluster/unstick.go Replenish":           "a number that was reduced goes up again",
	"cluster/update.go goesOn":               "the same spec again, of a plain service or proxies",
	"credentials.go ServiceUpdate":           "it hands on what others write",
}

// Whatever changes or removes a service is known, and stops no color but by way of the gate.
func TestOnlyTheGateStopsColors(t *testing.T) {
	writes := []string{"ServiceUpdate", "ServiceRemove", "Rewrite", "rewriteWith", "Relabel", "Stopped"}
	found := map[string]bool{}
	each(t, func(file string, f *ast.FuncDecl) {
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && slices.Contains(writes, called(call)) {
				found[file+" "+f.Name.Name] = true
			}
			if lit, ok := n.(*ast.CompositeLit); ok && file != "execute/gate.go" {
				if id, ok := lit.Type.(*ast.Ident); ok && id.Name == "clearance" {
					t.Errorf("%s: %s makes a clearance by itself", file, f.Name.Name)
				}
			}
			return true
		})
	})
	for _, f := range slices.Sorted(maps.Keys(found)) {
		if writers[f] == "" {
			t.Errorf("%s changes or removes services, and nothing says that it stops no color: should it go by way of gate.go?", f)
		}
	}
	for _, f := range slices.Sorted(maps.Keys(writers)) {
		if !found[f] {
			t.Errorf("%s changes no service any more", f)
		}
	}
}

// In the gate, what stops a color asks for a clearance, and what gives one asks the proxies, also
// those of a service that was removed.
func TestTheGateAsks(t *testing.T) {
	takes, gives, asks := map[string]bool{}, map[string]bool{}, false
	each(t, func(file string, f *ast.FuncDecl) {
		if file != "execute/gate.go" {
			return
		}
		for _, p := range f.Type.Params.List {
			if id, ok := p.Type.(*ast.Ident); ok && id.Name == "clearance" {
				takes[f.Name.Name] = true
			}
		}
		calls := map[string]bool{}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				calls[called(call)] = true
			}
			return true
		})
		asks = asks || f.Name.Name == "confirmed" && calls["Confirm"]
		if f.Type.Results == nil {
			return
		}
		for _, p := range f.Type.Results.List {
			if id, ok := p.Type.(*ast.Ident); ok && id.Name == "clearance" {
				gives[f.Name.Name] = calls["confirmed"] && calls["awaitLeft"] || calls["AwaitRemoved"]
			}
		}
	})
	if !asks {
		t.Error("confirmed does not ask the proxies")
	}
	if want := map[string]bool{"stop": true, "replace": true, "discard": true}; !maps.Equal(takes, want) {
		t.Errorf("a clearance is asked for by %v, want %v", takes, want)
	}
	if want := map[string]bool{"clear": true, "rest": true, "clearOfDown": true}; !maps.Equal(gives, want) {
		t.Errorf("these give a clearance, and whether they ask: %v, want %v", gives, want)
	}
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// each calls do for all functions of what works on a real swarm, by files below swarm.
func each(t *testing.T, do func(file string, f *ast.FuncDecl)) {
	t.Helper()
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		room, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasSuffix(d.Name(), "test") || room == "plan" || room == "engine"):
			return fs.SkipDir // for tests, without a swarm, or what the writes are made of
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				do(filepath.ToSlash(rel), f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

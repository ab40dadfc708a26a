package plugin

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// referenceTypes writes a table for each of the named structs of a Go file: its JSON fields and
// their comments.
func referenceTypes(t *testing.T, b *strings.Builder, path string, names ...string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			return true
		}
		spec := decl.Specs[0].(*ast.TypeSpec)
		if fields, ok := spec.Type.(*ast.StructType); ok && slices.Contains(names, spec.Name.Name) {
			found++
			fmt.Fprintf(b, "### %s\n\n%s\n\n| Field | Type | Meaning |\n|---|---|---|\n", spec.Name.Name, sentence(decl.Doc))
			referenceFields(b, fields)
			b.WriteString("\n")
		}
		return false
	})
	if found != len(names) {
		t.Errorf("%s: %d of the types %q found", path, found, names)
	}
}

func referenceFields(b *strings.Builder, s *ast.StructType) {
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue // an embedded struct has a table of its own
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		kind := jsonType(f.Type)
		if strings.HasPrefix(options, "omit") {
			kind = strings.TrimSuffix(kind, " or null") + ", or absent"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, kind, sentence(f.Doc))
	}
}

func sentence(doc *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(doc.Text()), " ")
	return strings.NewReplacer("|", `\|`, "; nil when", "; null when").Replace(text)
}

// jsonType names the JSON form of a Go type.
func jsonType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ArrayType:
		return "list of " + jsonType(e.Elt)
	case *ast.StarExpr:
		return jsonType(e.X) + " or null"
	case *ast.MapType:
		return "object of " + jsonType(e.Value)
	}
	switch name := types.ExprString(e); name {
	case "int", "int64", "uint16", "uint64", "float64":
		return "number"
	case "bool":
		return "boolean"
	case "time.Time":
		return "time"
	case "string", "State", "Kind", "Level", "What":
		return "string"
	default:
		return name[strings.LastIndex(name, ".")+1:]
	}
}

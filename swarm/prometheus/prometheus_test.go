package prometheus

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestValue(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		value  float64
		found  bool
		fails  string
	}{
		"the highest":            {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1.5,"0.25"]},{"metric":{},"value":[1.5,"3"]},{"metric":{},"value":[1.5,"NaN"]}]}}`, 3, true, ""},
		"below 0":                {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"-2"]}]}}`, -2, true, ""},
		"infinite":               {200, `{"status":"success","data":{"resultType":"scalar","result":[1.5,"+Inf"]}}`, math.Inf(1), true, ""},
		"only GET":               {200, `{"status":"success","data":{"resultType":"scalar","result":[1.5,"7"]}}`, 7, true, ""},
		"a success that is none": {500, `{"status":"success","data":{"resultType":"scalar","result":[1.5,"7"]}}`, 0, false, "the query up: status 500"},
		"none":                   {200, `{"status":"success","data":{"resultType":"vector","result":[]}}`, 0, false, ""},
		"not a number":           {200, `{"status":"success","data":{"resultType":"scalar","result":[1.5,"NaN"]}}`, 0, false, ""},
		"of a range":             {200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 0, false, "the query up: it gives a matrix, and not a number or numbers of now"},
		"wrong":                  {400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, 0, false, "the query up: status 400: bad_data parse error"},
		"another server":         {502, `<html>`, 0, false, "the query up: status 502, and no answer of Prometheus"},
		"odd":                    {200, `{"status":"success","data":{"resultType":"scalar","result":[1.5,2]}}`, 0, false, "the query up: Prometheus gives 2 where a number in quotes must stand"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if name == "only GET" && r.Method != http.MethodGet {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				if r.URL.Path != "/api/v1/query" || r.FormValue("query") != "up" {
					t.Errorf("asked for %s with %s", r.URL.Path, r.FormValue("query"))
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			value, found, err := Client{}.Value(context.Background(), server.URL, "up")
			if c.fails != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.fails) {
					t.Errorf("%v, want %s", err, c.fails)
				}
				return
			}
			if err != nil || found != c.found || value != c.value {
				t.Errorf("%v, %t, %v; want %v, %t", value, found, err, c.value, c.found)
			}
		})
	}
}

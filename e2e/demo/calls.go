//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// calls are what the tasks of web that answer now have seen of api, which they call by its name all
// the time.
type calls struct {
	OK     int
	Failed int
	Errors []string
}

const webTasks = 2 // replicas in the file

// askCalls adds up what each task says. They are asked through the proxy, which takes them in turn.
func askCalls(ctx context.Context, target string) (calls, error) {
	seen := map[string]calls{}
	for range 10 * webTasks {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target+"/stats", nil)
		if err != nil {
			return calls{}, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return calls{}, err
		}
		var c calls
		err = json.NewDecoder(resp.Body).Decode(&c)
		resp.Body.Close()
		if err != nil {
			return calls{}, fmt.Errorf("/stats: %w", err)
		}
		seen[resp.Header.Get("X-Host")] = c
	}
	var sum calls
	for _, c := range seen {
		sum.OK += c.OK
		sum.Failed += c.Failed
		sum.Errors = append(sum.Errors, c.Errors...)
	}
	if len(seen) != webTasks {
		return sum, fmt.Errorf("%d tasks of web answered /stats, want %d", len(seen), webTasks)
	}
	return sum, nil
}

// Package prometheus asks Prometheus.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/api"
)

// Client asks servers.
type Client struct {
	// Address is asked instead of any other; it may be empty.
	Address string
}

// Value is the highest value that a query has now at the server of that address; found is false if
// it has none. The error does not show the address, which may hold a password.
func (c Client) Value(ctx context.Context, address, query string) (value float64, found bool, err error) {
	if c.Address != "" {
		address = c.Address
	}
	client, err := api.NewClient(api.Config{Address: address})
	if err != nil {
		return 0, false, hidden(err, address)
	}
	status, body, err := ask(ctx, client, http.MethodPost, query)
	if slices.Contains([]int{http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented}, status) {
		status, body, err = ask(ctx, client, http.MethodGet, query) // what stands before it may let only this through
	}
	if err != nil {
		return 0, false, hidden(err, address)
	}
	values, err := parse(status, body)
	if err != nil {
		return 0, false, fmt.Errorf("the query %s: %w", query, err)
	}
	for _, f := range values {
		if !math.IsNaN(f) && (!found || f > value) {
			value, found = f, true
		}
	}
	return value, found, nil
}

// ask sends an instant query. POST has room for a long one.
func ask(ctx context.Context, client api.Client, method, query string) (status int, body []byte, err error) {
	form := url.Values{"query": {query}}.Encode()
	to := client.URL("/api/v1/query", nil)
	var content io.Reader
	if method == http.MethodGet {
		to.RawQuery = form
	} else {
		content = strings.NewReader(form)
	}
	request, err := http.NewRequestWithContext(ctx, method, to.String(), content)
	if err != nil {
		return 0, nil, err
	}
	if content != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, body, err := client.Do(ctx, request)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, body, nil
}

// answer is what Prometheus says: https://prometheus.io/docs/prometheus/latest/querying/api/. The
// library that reads it costs a megabyte.
type answer struct {
	Status, ErrorType, Error string
	Data                     struct {
		ResultType string
		Result     json.RawMessage
	}
}

// sample is a time in seconds, and a number as text.
type sample [2]any

func (s sample) value() (float64, error) {
	text, ok := s[1].(string)
	if !ok {
		return 0, fmt.Errorf("Prometheus gives %v where a number in quotes must stand", s[1])
	}
	return strconv.ParseFloat(text, 64)
}

// parse returns the numbers of an answer to an instant query.
func parse(status int, body []byte) (values []float64, err error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("status %d, and no answer of Prometheus", status)
	}
	if a.Status != "success" || status/100 != 2 {
		return nil, fmt.Errorf("status %d: %s %s", status, a.ErrorType, a.Error)
	}
	var samples []sample
	switch a.Data.ResultType {
	case "vector":
		var series []struct{ Value sample }
		if err := json.Unmarshal(a.Data.Result, &series); err != nil {
			return nil, err
		}
		for _, s := range series {
			samples = append(samples, s.Value)
		}
	case "scalar":
		samples = make([]sample, 1)
		if err := json.Unmarshal(a.Data.Result, &samples[0]); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("it gives a %s, and not a number or numbers of now", a.Data.ResultType)
	}
	for _, s := range samples {
		v, err := s.value()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// hidden is an error without what the address may hide.
func hidden(err error, address string) error {
	var u *url.Error
	if errors.As(err, &u) { // its text begins with the address
		err = u.Err
	}
	text := err.Error()
	if parsed, perr := url.Parse(address); perr == nil && parsed.User != nil {
		if password, ok := parsed.User.Password(); ok && password != "" {
			text = strings.ReplaceAll(text, password, "…")
		}
		text = strings.ReplaceAll(text, parsed.User.Username(), "…")
	}
	return errors.New(text)
}

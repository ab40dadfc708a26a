// Package prometheus asks Prometheus.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
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
	result, _, _, err := v1.NewAPI(client).Query(ctx, query, time.Now())
	if err != nil {
		return 0, false, hidden(err, address)
	}
	var values []model.SampleValue
	switch r := result.(type) {
	case model.Vector:
		for _, s := range r {
			values = append(values, s.Value)
		}
	case *model.Scalar:
		values = append(values, r.Value)
	default:
		return 0, false, fmt.Errorf("the query %s gives a %s, and not a number or numbers of now", query, result.Type())
	}
	for _, v := range values {
		if f := float64(v); !math.IsNaN(f) && (!found || f > value) {
			value, found = f, true
		}
	}
	return value, found, nil
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

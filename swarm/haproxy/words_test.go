package haproxy

import (
	"reflect"
	"testing"
	"time"
)

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Route
	}{
		{"a color", "7:green", Route{Sequence: 7, Color: Green}},
		{"no color", "0:", Route{Sequence: 0, Color: ""}},
		{"a share", "12:blue:5", Route{Sequence: 12, Color: Blue, Share: 5}},
		{"watched", "12:blue:::1764184000", Route{Sequence: 12, Color: Blue, Guard: Guard{On: true, Until: 1764184000}}},
		{"watched with others", "12:blue:5::0-a1b2c3", Route{Sequence: 12, Color: Blue, Share: 5, Guard: Guard{On: true, Group: "a1b2c3"}}},
		{"taken back", "13:blue:::tripped", Route{Sequence: 13, Color: Blue, Tripped: true}},
		{"requests wait", "12:blue::hold-30", Route{Sequence: 12, Color: Blue, State: State{Kind: Hold, Seconds: 30}}},
		{"requests are refused", "12:blue:5:stop-60-6869:0", Route{Sequence: 12, Color: Blue, Share: 5, State: State{Kind: Stop, Seconds: 60, Message: "hi"}, Guard: Guard{On: true}}},
		{"words of later versions", "12:blue::x:y:5", Route{Sequence: 12, Color: Blue}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseRoute(c.text)
			if err != nil || got != c.want {
				t.Errorf("%q: %v, %v", c.text, got, err)
			}
			if text := got.String(); text != c.text && c.name != "words of later versions" {
				t.Errorf("%q is written as %q", c.text, text)
			}
		})
	}
	for name, text := range map[string]string{
		"nothing": "", "a number alone": "7", "a color alone": "green", "no number": "x:green", "a number below 0": "-1:green",
		"no share": "7:green:x", "too large a share": "7:green:100", "a share below 0": "7:green:-1", "another color": "7:red", "a capital letter": "7:Green", "too large a number": "99999999999999999999:blue",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if got, err := ParseRoute(text); err == nil {
				t.Errorf("%q was read as %v", text, got)
			}
		})
	}
	for text, want := range map[string]struct {
		next uint64
		back string
	}{"7:green": {8, ""}, "12:blue:::99": {14, Green}, "12:blue:5::0": {14, Blue}, "13:blue:::tripped": {14, ""}} {
		r, err := ParseRoute(text)
		if err != nil || r.Next() != want.next || r.Back() != want.back {
			t.Errorf("%s: %v, the next is %d, and it goes back to %q", text, err, r.Next(), r.Back())
		}
	}
	for text, r := range map[string]Route{"7:green": {Sequence: 7, Color: Green}, "8:green:25": {Sequence: 8, Color: Green, Share: 25}} {
		if got := r.String(); got != text {
			t.Errorf("%s, want %s", got, text)
		}
		if blue := r.Gets(Blue); !r.Gets(Green) || blue != (r.Share > 0) {
			t.Errorf("%s: blue gets traffic: %v", text, blue)
		}
	}
}

func TestEncode(t *testing.T) {
	order := Order{
		Proxies: []ProxyAddr{{"web", "10.0.3.4"}, {"api", "10.0.3.5"}},
		Until: []Condition{
			{"web", Green, Ready, []string{"10.0.1.5", "10.0.1.6"}},
			{"web", Blue, Empty, nil},
			{"api", Blue, Idle, nil},
		},
		Wait:   10 * time.Second,
		Routes: map[string]Route{"web": {Sequence: 7, Color: Green}, "api": {Sequence: 3, Color: Blue}},
		Close:  []Closing{{"api", Blue}},
	}
	const want = `wait 10000
proxy web 10.0.3.4
proxy api 10.0.3.5
until web green ready 10.0.1.5 10.0.1.6
until web blue empty
until api blue idle
route api 3:blue
route web 7:green
close api blue
`
	if got := order.encode(); got != want {
		t.Errorf("got:\n%s", got)
	}
}

func TestReport(t *testing.T) {
	web := ProxyAddr{"web", "10.0.3.4"}
	got := &Report{}
	progress := map[string]Progress{
		"unmet web 10.0.3.4 green ready 10.0.1.5:80 DOWN L4CON Layer4 connection problem: Connection refused": {
			ProxyAddr: web, Color: Green, Want: Ready, What: "10.0.1.5:80", Why: "DOWN L4CON Layer4 connection problem: Connection refused"},
		"unmet web 10.0.3.4 blue idle - 3 in flight": {ProxyAddr: web, Color: Blue, Want: Idle, Why: "3 in flight"},
		"met web 10.0.3.4 green ready":               {ProxyAddr: web, Color: Green, Want: Ready, Met: true},
	}
	for line, want := range progress {
		if p, err := got.Add(line); err != nil || p == nil || *p != want {
			t.Errorf("%q: %+v, %v", line, p, err)
		}
	}
	for _, line := range []string{
		"[NOTICE]   (1) : haproxy version is 3.4.7-1", "",
		"state web 10.0.3.4 route 8:blue:7:y", "state web 10.0.3.4 flags met stopping",
		"state web 10.0.3.4 backend blue 80 2", "state web 10.0.3.4 backend blue 81 1", "state web 10.0.3.4 backend green 80 0",
		"state web 10.0.3.4 server blue 80 10.0.1.9 UP L7OK 2 Layer7 check passed: 200\r\n",
		"state web 10.0.3.4 total blue 120 2 300", "state web 10.0.3.4 held 3", "began web 10.0.3.4 total blue 100 2 20", "began web 10.0.3.4 held 1", "began web 10.0.3.4 novelty 1",
		"state web 10.0.3.4 novelty 1", "told web 10.0.3.4 kept 1.50",
		"unreachable web 10.0.3.5 no connection", "done met 812.10 2.00 1.50",
	} {
		if p, err := got.Add(line); err != nil || p != nil {
			t.Errorf("%q: %+v, %v", line, p, err)
		}
	}
	want := &Report{Done: true, Met: true, Waited: 812100 * time.Microsecond, Connected: 2 * time.Millisecond, Told: 1500 * time.Microsecond,
		Proxies: []*ProxyReport{
			{ProxyAddr: web, Route: Route{Sequence: 8, Color: Blue, Share: 7}, Outcome: Kept, Acknowledged: 1500 * time.Microsecond, Met: true, Stopping: true,
				InFlight: map[string]int{Blue: 3, Green: 0},
				Began:    Counters{Held: 1, Colors: map[string]Count{Blue: {Requests: 100, Failed: 2, Slowest: 20 * time.Millisecond}}},
				Ended:    Counters{Held: 3, Colors: map[string]Count{Blue: {Requests: 120, Failed: 2, Slowest: 300 * time.Millisecond}}},
				Servers:  []Server{{Blue, 80, "10.0.1.9", "UP", "L7OK", 2, "Layer7 check passed: 200"}}},
			{ProxyAddr: ProxyAddr{"web", "10.0.3.5"}, Unreachable: "no connection", InFlight: map[string]int{}},
		}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestReportRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"a state of nothing": "state web", "an outcome without its time": "told web 10.0.3.4 taken", "an end without its times": "done",
		"a route without a color": "state web 10.0.3.4 route 8", "a count that is none": "state web 10.0.3.4 backend blue 80 x",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := new(Report).Add(line); err == nil {
				t.Errorf("%q was taken", line)
			}
		})
	}
}

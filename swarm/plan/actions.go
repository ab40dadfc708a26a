package plan

import "slices"

// Action is what a step does.
type Action string

// The actions. What is known of each is in the table below.
const (
	CreateNetwork Action = "create network"
	CreateSecret  Action = "create secret"
	UpdateSecret  Action = "update secret"
	CreateConfig  Action = "create config"
	UpdateConfig  Action = "update config"
	CreatePlain   Action = "create service"
	UpdatePlain   Action = "update service"
	RunJob        Action = "run job"
	SendAuth      Action = "send credentials for"
	Share         Action = "share traffic of"
	SetState      Action = "set state of"
	StopColor     Action = "stop color"
	UpdateProxies Action = "update proxies"
	StartColor    Action = "start color"
	ChangeColor   Action = "change color"
	RestoreColor  Action = "restore color"
	WarmColor     Action = "warm color"
	MarkColor     Action = "mark color"
	CheckPorts    Action = "check ports of"
	RunTest       Action = "run test"
	Verify        Action = "verify with"
	CreateProxies Action = "create proxies"
	Adopt         Action = "adopt service"
	Flip          Action = "flip"
	GiveBack      Action = "give back"
	Retire        Action = "retire color"
	AwaitStarted  Action = "await start of"
	Await         Action = "await"
	Remove        Action = "remove"
	AwaitRemoved  Action = "await the end of"
	RemoveService Action = "remove service"
	RemoveProxies Action = "remove proxies"
	RemoveColor   Action = "remove color"
	RemoveNetwork Action = "remove network"
	RemoveSecret  Action = "remove secret"
	RemoveConfig  Action = "remove config"
)

// Phase is a part of a plan: a phase begins when all steps of the one before are done.
type Phase int

// The phases of a plan.
const (
	// Prepare makes what services refer to.
	Prepare Phase = iota
	// Deploy changes services, each after what it depends on, and moves traffic.
	Deploy
	// Settle waits for services that nothing else waits for.
	Settle
	// CleanUp removes what is not used any more, one action after the other. By then everything
	// serves.
	CleanUp
)

// Traits are what there is to know of an action beside the function that carries it out.
type Traits struct {
	// Phase is the part of a plan that the action belongs to. An Await may belong to Deploy, when
	// others wait for it.
	Phase Phase
	// Quick says that a step is done once it is written: nothing is waited for.
	Quick bool
	// Writes says that the step writes a service of its name.
	Writes bool
	// Starts says that a step starts tasks beside those that run; an UpdatePlain does where its
	// diff says so.
	Starts bool
	// MovesTraffic says that the failure of another step must not end this one.
	MovesTraffic bool
}

type row struct {
	do Action
	Traits
}

// table has all actions in the order that they have within a phase.
var table = []row{
	{CreateNetwork, Traits{Phase: Prepare, Quick: true}},
	{CreateSecret, Traits{Phase: Prepare, Quick: true}},
	{UpdateSecret, Traits{Phase: Prepare, Quick: true}},
	{CreateConfig, Traits{Phase: Prepare, Quick: true}},
	{UpdateConfig, Traits{Phase: Prepare, Quick: true}},

	{CreatePlain, Traits{Phase: Deploy, Quick: true, Writes: true, Starts: true}},
	{UpdatePlain, Traits{Phase: Deploy, Quick: true, Writes: true}},
	{RunJob, Traits{Phase: Deploy, Quick: true, Writes: true, Starts: true}},
	{SendAuth, Traits{Phase: Deploy, Quick: true, Writes: true}},
	{Share, Traits{Phase: Deploy, Writes: true, MovesTraffic: true}},
	{SetState, Traits{Phase: Deploy, Writes: true, MovesTraffic: true}},
	{StopColor, Traits{Phase: Deploy, Writes: true}},
	{UpdateProxies, Traits{Phase: Deploy, Writes: true}},
	{StartColor, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{ChangeColor, Traits{Phase: Deploy, Writes: true}},
	{RestoreColor, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{WarmColor, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{CheckPorts, Traits{Phase: Deploy}},
	{RunTest, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{MarkColor, Traits{Phase: Deploy, Quick: true, Writes: true}},
	{CreateProxies, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{Adopt, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{Flip, Traits{Phase: Deploy, Writes: true, MovesTraffic: true}},
	{Verify, Traits{Phase: Deploy, Writes: true, Starts: true}},
	{GiveBack, Traits{Phase: Deploy, Writes: true, Starts: true, MovesTraffic: true}},
	{Retire, Traits{Phase: Deploy, MovesTraffic: true}},
	{AwaitStarted, Traits{Phase: Deploy}},

	{Await, Traits{Phase: Settle}},

	{Remove, Traits{Phase: CleanUp, Quick: true}},
	{AwaitRemoved, Traits{Phase: CleanUp}},
	{RemoveService, Traits{Phase: CleanUp}},
	{RemoveProxies, Traits{Phase: CleanUp}},
	{RemoveColor, Traits{Phase: CleanUp}},
	{RemoveNetwork, Traits{Phase: CleanUp}},
	{RemoveSecret, Traits{Phase: CleanUp}},
	{RemoveConfig, Traits{Phase: CleanUp}},
}

// Ordered says that steps of this action go in one order, those of several services together.
func (a Action) Ordered() bool { return a == Flip || a == Share || a == SetState }

// place is the position of an action in the table, -1 for none.
func (a Action) place() int {
	return slices.IndexFunc(table, func(r row) bool { return r.do == a })
}

// Traits are those of an action; it has none that is not in the table.
func (a Action) Traits() Traits {
	if i := a.place(); i >= 0 {
		return table[i].Traits
	}
	return Traits{}
}

// Actions are all that a step can do, in the order that they have within a phase.
func Actions() []Action {
	var list []Action
	for _, r := range table {
		list = append(list, r.do)
	}
	return list
}

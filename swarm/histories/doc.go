// Package histories has random histories of a stack on a swarm in memory: commands at once from
// several managers, killed, cut off or slow; hands that scale, drain, remove and roll back; nodes,
// leaders and proxies that go and return. A judge that uses none of the product's code looks on.
//
// It has tests only. A history that fails is printed as one line of JSON, which -history runs again
// and TestKnown keeps.
package histories

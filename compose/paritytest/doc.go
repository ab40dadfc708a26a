// Package paritytest records what docker stack deploy sends for the stacks in
// compose/testdata/stacks. Its tests run docker/cli's own loader and conversion; those of package
// compose are held to what they recorded.
package paritytest

package faults_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(named{m}) }

// named runs the tests with a name service of their own.
type named struct{ *testing.M }

func (m named) Run() int { return runWithNames(m.M) }

package pgnode

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/floor"
)

// TestFloorHasTheSameStatements: a floor of other statements would be none.
func TestFloorHasTheSameStatements(t *testing.T) {
	for _, pair := range [][2]string{
		{advanceSQL, floor.AdvanceSQL},
		{positionSQL, floor.PositionSQL},
		{stateSQL, floor.StateSQL},
		{sectionSQL, floor.SectionSQL},
	} {
		if pair[0] != pair[1] {
			t.Errorf("internal/lab/floor measures\n%s\nbut a probe makes\n%s", pair[1], pair[0])
		}
	}
}

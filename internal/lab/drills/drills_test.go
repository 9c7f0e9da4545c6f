//go:build unix

package drills

import "testing"

// TestDrills makes each change once.
func TestDrills(t *testing.T) {
	if err := Run(t.Context(), Options{Drills: 4}, t.Output()); err != nil {
		t.Fatal(err)
	}
}

//go:build unix

package simulate

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newFleet returns a fleet that ends with the test.
func newFleet(t *testing.T, options Options) *Fleet {
	t.Helper()
	fleet, err := Start(options)
	must(t, err)
	t.Cleanup(func() {
		must(t, fleet.Close())
		if unknown := fleet.Count().Unknown; unknown != 0 {
			t.Errorf("%d statements were not known", unknown)
		}
		if open := fleet.Count().Open; open != 0 {
			t.Errorf("%d connections are counted after the end", open)
		}
	})
	return fleet
}

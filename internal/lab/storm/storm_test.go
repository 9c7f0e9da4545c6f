//go:build unix

package storm

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStorm is a short one.
func TestStorm(t *testing.T) {
	var said strings.Builder
	if err := Run(t.Context(), Options{Scrapes: 2000, Clusters: 8, Clients: 16}, &said); err != nil {
		t.Error(err)
	}
	t.Log(said.String())
}

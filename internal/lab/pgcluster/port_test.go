//go:build unix

package pgcluster

import (
	"net"
	"strconv"
	"testing"
)

// A port that was picked is nobody else's, though no server listens there yet.
func TestPortIsClaimedOnce(t *testing.T) {
	t.Parallel()
	port, claim, err := ClaimPort()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := claimThis(port); err == nil {
		t.Errorf("port %d was claimed twice", port)
		_ = again.Close()
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(Host, strconv.Itoa(port)))
	if err != nil {
		t.Fatalf("the server that has the claim cannot listen: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := claimThis(port)
	if err != nil {
		t.Fatalf("the claim was given up, and yet: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

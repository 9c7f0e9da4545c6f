package probe

import "runtime"

// growStack has the stack of a new goroutine grown at once to what a beat takes. Little by little it would grow, and be
// copied, between the moments that are measured.
//
//go:noinline
func growStack() {
	var room [5 << 10]byte
	runtime.KeepAlive(&room)
}

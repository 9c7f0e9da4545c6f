package faults_test

import "time"

// leadNew makes a link end elsewhere for new connections, as a balancer does: at each of
// the addresses in turn. Those that are open stay where they are.
func (l *link) leadNew(targets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.targets = targets
}

// nextTarget returns where the next connection is to end.
func (l *link) nextTarget() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	target := l.targets[l.accepted%len(l.targets)]
	l.accepted++
	return target
}

// admitTime is how long a connection beyond the limit waits for the end of an earlier one.
const admitTime = time.Second

// admit takes up a connection that nothing has been passed on for yet. An earlier one
// that its client has closed may not have been read to its end: that is waited for.
func (l *link) admit(c *linkConn) {
	for end := time.Now().Add(admitTime); l.isFull() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	full := l.isFull()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	if full {
		l.excess++
	}
}

func (l *link) isFull() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit > 0 && len(l.open) >= l.limit
}

// atMost has the link count the connections beyond a limit.
func (l *link) atMost(limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = limit
}

// counts returns how many connections there were so far, and how many beyond the limit.
func (l *link) counts() (all, excess int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted, l.excess
}

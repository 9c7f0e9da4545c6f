package faults_test

// readOnly is the way to the third node, where it has one of its own.
const readOnly = "exporter to third"

// addressFaults are those of addresses that lead to another server than before.
func addressFaults() []fault {
	balanced := func(l *layout) { l.more = (*scene).addThirdBehindLink }
	back := func(s *scene) { s.links[readOnly].lead(s.third().Addr()) }
	linked := func(l *layout) { l.links = true }
	return []fault{
		{
			name:      "replica's address leads to the primary",
			with:      balanced,
			hit:       func(s *scene) { s.links[readOnly].lead(s.primary.Addr()) },
			publishes: "up 1, primaries 1, primary up, replica synced, third primary",
			heal:      back,
			alerts:    "PgCanaryNotAReplica",
		},
		{
			name:      "replica's address leads to another replica",
			with:      balanced,
			hit:       func(s *scene) { s.links[readOnly].lead(s.replica.Addr()) },
			publishes: "up 1, primaries 1, primary up, replica synced, third duplicate",
			heal:      back,
			alerts:    "PgCanaryNotAReplica",
		},
		{
			name: "failover behind a balancer that has not noticed",
			with: linked,
			hit: func(s *scene) {
				failOver(s)
				s.links[toPrimary].lead(nowhere)
			},
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, primary_changes_total 1, lost_writes_total 0",
			heal:      (*scene).balance,
			healed:    "up 1, primaries 1, primary leads, replica synced, primary_changes_total 1, lost_writes_total 0",
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "five failovers behind a balancer",
			with:      linked,
			hit:       (*scene).failOverFiveTimes,
			publishes: "up 1, primaries 1, primary leads, replica synced, primary_changes_total 5, primary_timeline 6, lost_writes_total 0",
			heal:      func(*scene) {},
			healed:    "up 1, primaries 1, primary leads, replica synced, primary_changes_total 5",
		},
	}
}

// addThirdBehindLink adds one to which the exporter has a way that may lead elsewhere.
func (s *scene) addThirdBehindLink(c *pairConfig) {
	s.addThird(c)
	s.links[readOnly] = newLink(s.t, s.third().Addr())
	s.nodes[2].label = s.links[readOnly].Listen
	c.more = []string{through(s.third(), s.nodes[2].label)}
}

// failOverFiveTimes has the two servers change places again and again. In between the
// exporter writes wherever the addresses lead.
func (s *scene) failOverFiveTimes() {
	for range 5 {
		failOver(s)
		s.keep(s.scrape()) // The balancer has not noticed yet.
		s.balance()
		s.primary, s.replica = s.replica, s.primary
		m := s.steady(s.parseExpectation("up 1, primaries 1, primary leads, replica synced, lost_writes_total 0"))
		s.keep(m[1])
	}
}

// balance makes the old primary a replica of the new one, and the two addresses lead
// to the roles that they are for.
func (s *scene) balance() {
	s.links[toPrimary].lead(s.replica.Addr())
	reclonePrimary(s)
	s.links[toReplica].lead(s.primary.Addr())
}

package discovery

import (
	"errors"

	"github.com/miekg/dns"
)

// search remembers how a name was found, so that a server that fails for a moment does
// not make another name, or half of the addresses, the answer.
type search struct {
	name string   // the full name that had records last
	had  families // and which addresses
}

// find asks for the full names that a name may stand for, one after the other, until one
// has records; ask is told which addresses that name had. Where the name that had records
// last cannot be asked, none of the others is taken in its stead. The error is that of
// the first name that could not be asked, else of the first.
func (s *search) find(names []string, ask func(name string, had families) (answer, error)) (answer, error) {
	var firstNone, firstFailure error
	lost := false // the name that had records last cannot be asked
	for _, name := range names {
		var had families
		if name == s.name {
			had = s.had
		}
		got, err := ask(name, had)
		switch {
		case err == nil && lost:
			return answer{}, firstFailure
		case err == nil:
			s.name, s.had = name, familiesOf(got.records)
			return got, nil
		case noneOf(err) == nil:
			lost = lost || name == s.name
			if firstFailure == nil {
				firstFailure = err
			}
		case firstNone == nil:
			firstNone = err
		}
	}
	if firstFailure != nil {
		return answer{}, firstFailure
	}
	return answer{}, firstNone
}

// families are the kinds of addresses that a name has.
type families struct{ four, six bool }

// familiesOf returns the kinds of the addresses in records.
func familiesOf(records []dns.RR) families {
	var has families
	for _, record := range records {
		has.four = has.four || record.Header().Rrtype == dns.TypeA
		has.six = has.six || record.Header().Rrtype == dns.TypeAAAA
	}
	return has
}

// family is what the question for one kind of addresses came to.
type family struct {
	answer
	err error
}

// join puts the addresses of both kinds together. A kind of which nobody tells is left
// out only where the name did not have it: some name servers never answer a question for
// AAAA.
func join(four, six family, had families) (answer, error) {
	noFour, noSix := noneOf(four.err), noneOf(six.err)
	switch {
	case noFour != nil && noSix != nil:
		return answer{}, &noRecordsError{name: noFour.name, what: "address", absent: noFour.absent && noSix.absent}
	case four.err != nil && noFour == nil && (had.four || six.err != nil):
		return answer{}, four.err
	case six.err != nil && noSix == nil && (had.six || four.err != nil):
		return answer{}, six.err
	}
	joined := answer{ttl: ^uint32(0)}
	for _, each := range []family{four, six} {
		if each.err == nil {
			joined.records = append(joined.records, each.records...)
			joined.ttl = min(joined.ttl, each.ttl)
		}
	}
	return joined, nil
}

// noRecordsError means that a name has no such records, which a server said.
type noRecordsError struct {
	name   string
	what   string // SRV record, A record, address
	absent bool   // there is no such name at all
}

func (e *noRecordsError) Error() string {
	if e.absent {
		return "DNS has no name " + e.name
	}
	return e.name + " has no " + e.what
}

// noneOf returns the error that says that there are no records; nil where it says that
// nobody told.
func noneOf(err error) *noRecordsError {
	none, _ := errors.AsType[*noRecordsError](err)
	return none
}

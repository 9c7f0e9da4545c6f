package discovery

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// answer is what a server said about a name.
type answer struct {
	records []dns.RR // of the type that was asked for; none where next is set
	ttl     uint32   // in seconds, the shortest of the records and of what led to them
	next    string   // the name to ask for: the answer's CNAMEs end there
}

// checkAnswer refuses what answers another question, or none.
func checkAnswer(question, message *dns.Msg) error {
	switch {
	case !message.Response || len(message.Question) != 1 || len(question.Question) != 1:
		return errors.New("what came is no answer")
	case !strings.EqualFold(message.Question[0].Name, question.Question[0].Name) ||
		message.Question[0].Qtype != question.Question[0].Qtype || message.Question[0].Qclass != question.Question[0].Qclass:
		return errors.New("what came answers another question")
	case message.Truncated:
		return errors.New("the answer is cut off")
	case message.Rcode != dns.RcodeSuccess && message.Rcode != dns.RcodeNameError:
		return fmt.Errorf("it answers %s about %s", rcodeName(message.Rcode), question.Question[0].Name)
	case message.Rcode == dns.RcodeSuccess && len(message.Answer) == 0 &&
		!message.Authoritative && !message.RecursionAvailable && !hasSOA(message.Ns):
		return fmt.Errorf("it does not know %s, and asks nobody", question.Question[0].Name)
	}
	for _, record := range message.Answer {
		if record.Header().Rdlength == 0 { // The library takes it: an update may have such records.
			return fmt.Errorf("the answer has a record of %s without data", record.Header().Name)
		}
	}
	return nil
}

// rcodeName is the name of a refusal, such as SERVFAIL.
func rcodeName(code int) string {
	if name, known := dns.RcodeToString[code]; known {
		return name
	}
	return fmt.Sprintf("RCODE %d", code)
}

// longestChain is how many CNAMEs an answer may have one after the other.
const longestChain = 16

// readAnswer finds the records of a type that an answer has for a name, along its CNAMEs.
func readAnswer(message *dns.Msg, name string, kind uint16) (answer, error) {
	asked, ttl := name, ^uint32(0)
	for range longestChain {
		records, alias := recordsOf(message.Answer, name, kind)
		for _, record := range records {
			ttl = min(ttl, record.Header().Ttl)
		}
		switch {
		case len(records) > 0:
			return answer{records: records, ttl: ttl}, nil
		case alias != nil:
			name, ttl = alias.Target, min(ttl, alias.Hdr.Ttl)
		case message.Rcode == dns.RcodeNameError || strings.EqualFold(name, asked) || hasSOA(message.Ns):
			return answer{}, &noRecordsError{
				name: name, what: dns.TypeToString[kind] + " record", absent: message.Rcode == dns.RcodeNameError,
			}
		default:
			return answer{ttl: ttl, next: name}, nil
		}
	}
	return answer{}, fmt.Errorf("the CNAMEs of %s lead on and on", asked)
}

// recordsOf returns the records of a name and a type, or the name's CNAME.
func recordsOf(all []dns.RR, name string, kind uint16) (records []dns.RR, alias *dns.CNAME) {
	for _, record := range all {
		header := record.Header()
		if header.Class != dns.ClassINET || !strings.EqualFold(header.Name, name) {
			continue
		}
		if header.Rrtype == kind {
			records = append(records, record)
		}
		if cname, is := record.(*dns.CNAME); is && alias == nil {
			alias = cname
		}
	}
	return records, alias
}

// hasSOA tells whether a server says that there is nothing, rather than that it does not know.
func hasSOA(authority []dns.RR) bool {
	for _, record := range authority {
		if record.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

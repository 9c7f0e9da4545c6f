package discovery

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func record(t testing.TB, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	must(t, err)
	return rr
}

// TestCheckAnswer: what comes back may be somebody else's.
func TestCheckAnswer(t *testing.T) {
	t.Parallel()
	question := new(dns.Msg).SetQuestion("a.test.", dns.TypeA)
	filled := record(t, "a.test. 60 IN A 10.0.0.1")
	filled.Header().Rdlength = 4 // As it comes over the wire.
	for name, test := range map[string]struct {
		change func(*dns.Msg)
		want   string // of the error; "" for none
	}{
		"an answer":                       {func(m *dns.Msg) { m.Answer = []dns.RR{filled} }, ""},
		"no record":                       {func(m *dns.Msg) { m.RecursionAvailable = true }, ""},
		"no record, of the zone's server": {func(m *dns.Msg) { m.Authoritative = true }, ""},
		"a reference to other servers":    {func(*dns.Msg) {}, "does not know a.test., and asks nobody"},
		"in other letters":                {func(m *dns.Msg) { m.Question[0].Name, m.Answer = "A.TEST.", []dns.RR{filled} }, ""},
		"no such name":                    {func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }, ""},
		"a question":                      {func(m *dns.Msg) { m.Response = false }, "is no answer"},
		"without its question":            {func(m *dns.Msg) { m.Question = nil }, "is no answer"},
		"to another name":                 {func(m *dns.Msg) { m.Question[0].Name = "b.test." }, "another question"},
		"to another type":                 {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, "another question"},
		"to another class":                {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, "another question"},
		"cut off":                         {func(m *dns.Msg) { m.Truncated = true }, "cut off"},
		"an empty address": {
			func(m *dns.Msg) {
				m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "a.test.", Rrtype: dns.TypeA, Class: dns.ClassINET}}}
			},
			"a record of a.test. without data",
		},
		"a refusal":          {func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }, "REFUSED about a.test."},
		"an unknown refusal": {func(m *dns.Msg) { m.Rcode = 999 }, "RCODE 999"},
	} {
		message := new(dns.Msg).SetReply(question)
		test.change(message)
		err := checkAnswer(question, message)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// FuzzDNSAnswer: whatever a name server sends, what is taken of it can be connected to.
func FuzzDNSAnswer(f *testing.F) {
	for _, records := range [][]string{
		{"a.test. 60 IN A 10.0.0.1", "a.test. 60 IN AAAA fd00::1", `a.test. 60 IN SRV 0 0 5432 b\ c.test.`},
		{"a.test. 60 IN CNAME b.test.", "b.test. 0 IN CNAME a.test."},
		{"a.test. 60 IN CNAME b.test.", "b.test. 4294967295 IN A 10.0.0.1", "a.test. 60 CH TXT x"},
		{},
	} {
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
			message := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("a.test.", kind))
			for _, text := range records {
				message.Answer = append(message.Answer, record(f, text))
			}
			wire, err := message.Pack()
			must(f, err)
			f.Add(wire)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		message := new(dns.Msg)
		if message.Unpack(wire) != nil {
			return
		}
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
			question := new(dns.Msg).SetQuestion("a.test.", kind)
			if checkAnswer(question, message) != nil {
				continue
			}
			got, err := readAnswer(message, "a.test.", kind)
			if err != nil {
				continue
			}
			if (len(got.records) == 0) == (got.next == "") {
				t.Fatalf("records %v, and on to %q", got.records, got.next)
			}
			if again := bounded(got.ttl); again < minTTL || again > maxTTL {
				t.Errorf("again after %v", again)
			}
			if len(recordAddresses(got.records))+len(recordTargets(got.records)) != len(got.records) {
				t.Errorf("not all is used of %v", got.records)
			}
			nodes := append(addressNodes(recordAddresses(got.records), defaultPort), targetNodes(recordTargets(got.records)).Nodes...)
			for _, node := range nodes {
				if checkPlace(node.Host, node.Port) != nil || strings.ContainsAny(node.Host, " \t\r\n'\"\\/,=@?&") {
					t.Errorf("node %+v", node)
				}
			}
		}
	})
}

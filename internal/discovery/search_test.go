package discovery

import (
	"errors"
	"testing"

	"github.com/miekg/dns"
)

// TestJoin: when one kind of addresses will do, and when not.
func TestJoin(t *testing.T) {
	t.Parallel()
	addresses := family{answer: answer{records: []dns.RR{record(t, "a.test. 60 IN A 10.0.0.1")}, ttl: 60}}
	none := family{err: &noRecordsError{name: "a.test.", what: "A record"}}
	absent := family{err: &noRecordsError{name: "a.test.", what: "A record", absent: true}}
	failure := family{err: errors.New("nobody tells")}
	for name, test := range map[string]struct {
		four, six family
		had       families
		want      string // of the error; "" for none
	}{
		"both":                            {addresses, addresses, families{}, ""},
		"only IPv4":                       {addresses, none, families{true, true}, ""},
		"only IPv6":                       {none, addresses, families{true, true}, ""},
		"neither":                         {none, none, families{}, "a.test. has no address"},
		"no such name":                    {absent, absent, families{}, "DNS has no name a.test."},
		"a name that one question denies": {absent, none, families{}, "a.test. has no address"},
		"IPv6 was never told":             {addresses, failure, families{true, false}, ""},
		"IPv6 was told":                   {addresses, failure, families{true, true}, "nobody tells"},
		"IPv4 was never told":             {failure, addresses, families{false, true}, ""},
		"IPv4 was told":                   {failure, addresses, families{true, true}, "nobody tells"},
		"nothing is told":                 {failure, failure, families{}, "nobody tells"},
		"IPv4 none, IPv6 not told":        {none, failure, families{}, "nobody tells"},
		"IPv4 not told, IPv6 none":        {failure, none, families{}, "nobody tells"},
	} {
		got, err := join(test.four, test.six, test.had)
		if test.want == "" && (err != nil || len(got.records) == 0 || got.ttl != 60) || test.want != "" && (err == nil || err.Error() != test.want) {
			t.Errorf("%s: %v, %v; want %q", name, got, err, test.want)
		}
	}
}

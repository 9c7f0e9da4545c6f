//go:build unix

package demo

import "testing"

func TestWorthTelling(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		want string // "" is nothing
	}{
		"outage, its error left to check": {
			`level=error ts=2026-11-25T20:34:58.43Z msg="no canary commit is acknowledged" primary=db1 reason=connect err="dial \"db1\": refused"`,
			`level=error msg="no canary commit is acknowledged" primary=db1 reason=connect`,
		},
		"an error of one word, and more behind it": {
			`level=warn ts=1 msg=failed reason=other err=EOF attempts=2`, `level=warn msg=failed reason=other attempts=2`,
		},
		"an error without a reason": {`level=error ts=1 msg=failed err=EOF`, `level=error msg=failed err=EOF`},
		"an outage is over": {
			`level=info ts=1 msg="canary commits are acknowledged again" primary=db2 after=5.1s`,
			`level=info msg="canary commits are acknowledged again" primary=db2 after=5.1s`,
		},
		"a node's condition, which the table shows": {
			`level=warn ts=1 msg="node's condition changed" node=db2 condition="replica, disconnected"`, "",
		},
		"the exporter itself":          {`ts=1 level=info msg="Listening on" address=127.0.0.1:10187`, ""},
		"what is wrong with it itself": {`ts=1 level=warn msg="TLS is old"`, `level=warn msg="TLS is old"`},
	} {
		told, ok := worthTelling(test.line)
		if ok != (test.want != "") || ok && told != test.want {
			t.Errorf("%s: told %v %q, want %q", name, ok, told, test.want)
		}
	}
}

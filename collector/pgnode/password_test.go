package pgnode

import (
	"fmt"
	"testing"
)

func TestSASLPrepared(t *testing.T) {
	for password, want := range map[string]string{
		"plain":               "plain",
		"pass²":               "pass2",
		"ﬁsh":                 "fish",
		"so\u00adft":          "soft",
		"no\u00a0break":       "no break",
		"zero\u200bwidth":     "zero width", // As in PostgreSQL; the RFC leaves it open.
		"u\u0308ber":          "über",
		"une\U0001F600signed": "une\U0001F600signed", // Of a later Unicode than 3.2.
		"\U0001F1000":         "\U0001F1000",         // The same, although its normal form is not.
		"bell\a²":             "bell\a²",             // Not allowed.
		"a\u0627":             "a\u0627",             // Two directions.
		"\u0340":              "\u0340",              // Not allowed, although its normal form is.
		"\u00ad":              "\u00ad",              // Nothing would be left of it.
		"\xff²":               "\xff²",               // No UTF-8.
		"tab\t":               "tab\t",
	} {
		if got := saslPrepared(password); got != want {
			t.Errorf("%q becomes %q, want %q", password, got, want)
		}
	}
}

// TestPasswordsLogIn sets passwords in the ways that there are, and logs in by the methods
// that there are: SCRAM takes a prepared one, and the others what is typed.
func TestPasswordsLogIn(t *testing.T) {
	d := newStage(t).database(t)
	var lines []string
	type login struct{ role, password string }
	var logins []login
	for _, password := range []string{"pass²", "ﬁsh", "so\u00adft", "no\u00a0break", "u\u0308ber", "un\U0001F600assigned"} {
		for _, set := range []struct{ by, encryption string }{
			{by: "setup"}, {by: "ALTER ROLE", encryption: "scram-sha-256"}, {by: "ALTER ROLE", encryption: "md5"},
		} {
			for _, method := range []string{"scram-sha-256", "md5", "password"} {
				if set.encryption == "md5" && method == "scram-sha-256" {
					continue // No password logs in.
				}
				role := fmt.Sprintf("role_%d", len(logins))
				lines = append(lines, fmt.Sprintf("host all %s all %s", role, method))
				logins = append(logins, login{role, password})
				if set.by == "setup" {
					must(t, Setup{Role: role, Password: password}.Run(t.Context(), d.super()))
				} else {
					d.exec(fmt.Sprintf("CREATE ROLE %s LOGIN; SET password_encryption = '%s'; ALTER ROLE %[1]s PASSWORD '%[3]s'",
						role, set.encryption, password))
				}
			}
		}
	}
	must(t, d.server.SetHBA(t.Context(), lines...))
	for _, l := range logins {
		config, err := parseDSN(d.server.DSN(l.role, l.password, d.name))
		must(t, err)
		conn, err := dialConfig(t.Context(), config)
		if err != nil {
			t.Errorf("%q: %v", l.password, withReason(err))
			continue
		}
		must(t, conn.Close(t.Context()))
	}
}

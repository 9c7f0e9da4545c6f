package pgnode

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	t.Setenv("PGTARGETSESSIONATTRS", "")
	t.Setenv("PGPORT", "")
	for name, test := range map[string]struct {
		dsns, given, want []string
	}{
		"different hosts": {
			[]string{"host=a", "host=b", "host=b port=6000"}, nil, []string{"a:5432", "b:5432", "b:6000"},
		},
		"one PgBouncer, two databases": {
			[]string{"postgres://canary@h/app", "postgres://canary@h/app_ro"}, nil, []string{"h:5432/app", "h:5432/app_ro"},
		},
		"one list, two roles": {
			[]string{"postgres://canary@h1,h2/db?target_session_attrs=read-write", "postgres://canary@h1,h2/db?target_session_attrs=standby"},
			nil,
			[]string{"h1:5432,h2:5432?target_session_attrs=read-write", "h1:5432,h2:5432?target_session_attrs=standby"},
		},
		"one list, one role that any server has": {
			[]string{"postgres://canary@h1,h2/db?target_session_attrs=any", "postgres://canary@h1,h2/db?target_session_attrs=standby"},
			nil,
			[]string{"h1:5432,h2:5432", "h1:5432,h2:5432?target_session_attrs=standby"},
		},
		"a list and its reverse": {
			[]string{"postgres://canary@h1,h2/db", "postgres://canary@h2,h1/db"}, nil, []string{"h1:5432,h2:5432", "h2:5432,h1:5432"},
		},
		"both differ": {
			[]string{"host=h dbname=a", "host=h dbname=b", "host=h dbname=b target_session_attrs=standby"},
			nil,
			[]string{"h:5432/a", "h:5432/b", "h:5432/b?target_session_attrs=standby"},
		},
		"no database is the user's": {
			[]string{"postgres://app@h", "postgres://canary@h/other"}, nil, []string{"h:5432/app", "h:5432/other"},
		},
		"the same three times": {
			[]string{"host=h dbname=a", "host=h dbname=a", "host=h dbname=a"}, nil, []string{"h:5432", "h:5432#2", "h:5432#3"},
		},
		"the same twice beside another": {
			[]string{"host=h dbname=a", "host=h dbname=b", "host=h dbname=a"}, nil, []string{"h:5432/a", "h:5432/b", "h:5432/a#2"},
		},
		"the user's own": {
			[]string{"host=h dbname=a", "host=h dbname=a", "host=b"}, []string{"rw", "", "archive"}, []string{"rw", "h:5432", "archive"},
		},
		"the user's own is another's host": {
			[]string{"host=a dbname=app", "host=b"}, []string{"", "a:5432"}, []string{"a:5432/app", "a:5432"},
		},
		"sslmode=prefer is no second host": {
			[]string{"host=h sslmode=prefer", "host=b"}, nil, []string{"h:5432", "b:5432"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			addresses := make([]Address, len(test.dsns))
			for i, dsn := range test.dsns {
				var err error
				addresses[i], err = ReadAddress(dsn)
				must(t, err)
				if i < len(test.given) {
					addresses[i].Name = test.given[i]
				}
			}
			if diff := cmp.Diff(test.want, Names(addresses)); diff != "" {
				t.Errorf("other names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesFromTheEnvironment(t *testing.T) {
	t.Setenv("PGTARGETSESSIONATTRS", "standby")
	a, err := ReadAddress("host=h target_session_attrs=primary")
	must(t, err)
	b, err := ReadAddress("host=h")
	must(t, err)
	want := []string{"h:5432?target_session_attrs=primary", "h:5432?target_session_attrs=standby"}
	if diff := cmp.Diff(want, Names([]Address{a, b})); diff != "" {
		t.Errorf("other names (-want +got):\n%s", diff)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"db1", "eu-1.db:5432", strings.Repeat("x", 63)} {
		if err := CheckName(name, "node"); err != nil {
			t.Errorf("CheckName(%q): %v", name, err)
		}
	}
	for _, name := range []string{"", "a b", "a/b", "h#2", "postgres://canary:" + marked + "@db", strings.Repeat("x", 64)} {
		err := CheckName(name, "node")
		if err == nil || !strings.Contains(err.Error(), "1 to 63 letters") || strings.Contains(err.Error(), marked) {
			t.Errorf("CheckName(%q): %v", name, err)
		}
	}
}

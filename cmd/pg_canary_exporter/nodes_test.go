package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNodeNames gives connection strings and names in flags and in variables. Two that
// lead to one server are taken: the states tell.
func TestNodeNames(t *testing.T) {
	const primary, list = "--primary.dsn=postgres://canary@db:5432/app", "postgres://canary@h1,h2/db?target_session_attrs="
	for name, test := range map[string]struct {
		args      []string
		variables map[string]string
		want      []string
	}{
		"none":             {args: []string{primary, "--replica.dsn=host=a"}, want: []string{"db:5432", "a:5432"}},
		"the same twice":   {args: []string{primary, "--replica.dsn=postgres://canary@db:5432/app"}, want: []string{"db:5432", "db:5432#2"}},
		"another database": {args: []string{primary, "--replica.dsn=host=db dbname=app_ro"}, want: []string{"db:5432/app", "db:5432/app_ro"}},
		"another role of a list": {
			args: []string{"--primary.dsn=" + list + "read-write", "--replica.dsn=" + list + "standby"},
			want: []string{"h1:5432,h2:5432?target_session_attrs=read-write", "h1:5432,h2:5432?target_session_attrs=standby"},
		},
		"all": {
			args: []string{primary, "--primary.name=rw", "--replica.dsn=host=db", "--replica.name= ro "}, want: []string{"rw", "ro"},
		},
		"some": {
			args: []string{primary, "--replica.dsn=host=a", "--replica.dsn=host=b", "--replica.dsn=host=c", "--replica.name=", "--replica.name=two"},
			want: []string{"db:5432", "a:5432", "two", "c:5432"},
		},
		"variables": {
			args: []string{primary},
			variables: map[string]string{
				"PG_CANARY_PRIMARY_NAME": "rw", "PG_CANARY_REPLICA_DSN": "host=a\n\nhost=b\nhost=c\n", "PG_CANARY_REPLICA_NAME": "one\n\nthree\n\n",
			},
			want: []string{"rw", "one", "b:5432", "three"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range test.variables {
				t.Setenv(variable, value)
			}
			o := newOptions()
			_, err := o.app.Parse(append([]string{"check"}, test.args...))
			must(t, err)
			nodes, err := o.nodes()
			must(t, err)
			var got []string
			for _, node := range nodes {
				got = append(got, node.Name())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("other names (-want +got):\n%s", diff)
			}
		})
	}
}

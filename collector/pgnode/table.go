package pgnode

import (
	"fmt"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// tableFaultsSQL returns a row (fault, mend) for each thing that keeps
// canary.section from being the plain, replicated table that a probe needs: what
// hides a row, swallows a write, runs somebody's function with the rights of who
// writes, or is never replicated. Any role may ask, and no operator is looked up
// in the search path, CASE and IN included, which would.
const tableFaultsSQL = `
SELECT f.fault, f.mend
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 CROSS JOIN LATERAL (
    SELECT pg_catalog.format('canary.section is not a table (pg_class.relkind %s)', c.relkind),
           pg_catalog.format('ALTER %s canary.section RENAME TO section_before',
                             CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'c' THEN 'TYPE' ELSE 'TABLE' END)
     WHERE c.relkind OPERATOR(pg_catalog.<>) 'r'
    UNION ALL
    SELECT 'canary.section is of a composite type', 'ALTER TABLE canary.section NOT OF'
     WHERE c.reloftype OPERATOR(pg_catalog.<>) 0
    UNION ALL
    SELECT 'canary.section is unlogged and never replicated', 'ALTER TABLE canary.section SET LOGGED'
     WHERE c.relkind OPERATOR(pg_catalog.=) 'r' AND c.relpersistence OPERATOR(pg_catalog.<>) 'p'
    UNION ALL
    SELECT 'canary.section has row-level security', 'ALTER TABLE canary.section DISABLE ROW LEVEL SECURITY'
     WHERE c.relrowsecurity
    UNION ALL
    SELECT 'canary.section forces row-level security', 'ALTER TABLE canary.section NO FORCE ROW LEVEL SECURITY'
     WHERE c.relforcerowsecurity
    UNION ALL
    SELECT pg_catalog.format('canary.section has the policy %I', p.polname),
           pg_catalog.format('DROP POLICY %I ON canary.section', p.polname)
      FROM pg_catalog.pg_policy p WHERE p.polrelid OPERATOR(pg_catalog.=) c.oid
    UNION ALL
    SELECT pg_catalog.format('canary.section has the trigger %I', t.tgname),
           pg_catalog.format('DROP TRIGGER %I ON canary.section', t.tgname)
      FROM pg_catalog.pg_trigger t WHERE t.tgrelid OPERATOR(pg_catalog.=) c.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT pg_catalog.format('canary.section has the rule %I', r.rulename),
           pg_catalog.format('DROP RULE %I ON canary.section', r.rulename)
      FROM pg_catalog.pg_rewrite r
     WHERE r.ev_class OPERATOR(pg_catalog.=) c.oid AND c.relkind OPERATOR(pg_catalog.=) 'r'
    UNION ALL
    SELECT pg_catalog.format('canary.section is a partition or child of %I.%I', o.nspname, o.relname),
           pg_catalog.format(CASE WHEN c.relispartition THEN 'ALTER TABLE %I.%I DETACH PARTITION canary.section'
                                  ELSE 'ALTER TABLE canary.section NO INHERIT %I.%I' END, o.nspname, o.relname)
      FROM pg_catalog.pg_inherits i, LATERAL (
           SELECT s.nspname, b.relname FROM pg_catalog.pg_class b
             JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) b.relnamespace
            WHERE b.oid OPERATOR(pg_catalog.=) i.inhparent) o
     WHERE i.inhrelid OPERATOR(pg_catalog.=) c.oid
    UNION ALL
    SELECT pg_catalog.format('canary.section has the child %I.%I', o.nspname, o.relname),
           pg_catalog.format('ALTER TABLE %I.%I NO INHERIT canary.section', o.nspname, o.relname)
      FROM pg_catalog.pg_inherits i, LATERAL (
           SELECT s.nspname, b.relname FROM pg_catalog.pg_class b
             JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) b.relnamespace
            WHERE b.oid OPERATOR(pg_catalog.=) i.inhrelid) o
     WHERE i.inhparent OPERATOR(pg_catalog.=) c.oid AND c.relkind OPERATOR(pg_catalog.=) 'r'
 ) AS f(fault, mend)
 WHERE n.nspname OPERATOR(pg_catalog.=) 'canary' AND c.relname OPERATOR(pg_catalog.=) 'section'`

// tableSQL returns what is wrong with canary.section in one row of one column,
// a fault and what fixes it in a line each; NULL where nothing is wrong.
const tableSQL = `SELECT pg_catalog.string_agg(pg_catalog.translate(pg_catalog.format('%s: %s', t.fault, t.mend), E'\n\r', '  '), E'\n')
  FROM (` + tableFaultsSQL + `) AS t`

// tableError returns what the text of tableSQL's row means to a probe: nil, or
// an error that names every fault with the SQL that fixes it.
func tableError(text string) error {
	if text == "" {
		return nil
	}
	return &probe.Error{
		Reason: probe.ReasonNotWritten, Answered: true,
		Hint: "fix it as the table's owner, and find out who changed it: setup creates it differently",
		Err:  fmt.Errorf("the table is not what a probe needs: %s", strings.ReplaceAll(text, "\n", "; ")),
	}
}

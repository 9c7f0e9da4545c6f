package pgnode

import (
	"fmt"
	"strings"
)

// literal returns s as an SQL string literal of ASCII characters. It means the
// same with standard_conforming_strings on or off, in every client encoding, and
// needs no backslash_quote. s is valid UTF-8 without NUL.
func literal(s string) string {
	var b strings.Builder
	b.WriteString("E'")
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08X`, r)
		case r < ' ' || r > '~':
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

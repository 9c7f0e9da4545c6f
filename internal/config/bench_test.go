package config

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("defaults: {dsn: user=canary dbname=postgres sslmode=verify-full, password_file: /x}\nclusters:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - name: c%d\n    labels: {team: t%d}\n    nodes:\n", i, i%10)
		for j := range 3 {
			fmt.Fprintf(&text, "      - {name: n%d, dsn: host=c%d-%d.example}\n", j, i, j)
		}
	}
	for b.Loop() {
		l := parse([]byte(text.String()), ".")
		if len(l.faults) > 0 {
			b.Fatal(l.faults)
		}
		(&Config{Clusters: l.document.Clusters}).PrivateDigest()
	}
}

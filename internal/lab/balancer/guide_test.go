//go:build unix

package balancer

import (
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
)

// example returns the n-th block of a language in the guide: what its readers copy.
func example(t *testing.T, language string, n int) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/guides/gate.md")
	must(t, err)
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if n >= len(blocks) {
		t.Fatalf("docs/guides/gate.md has %d blocks of %s", len(blocks), language)
	}
	return blocks[n][1]
}

// filled returns an example with the addresses of a test in place of its own, each of which has to be there. The longer
// ones come first.
func filled(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the example in docs/guides/gate.md has no %s:\n%s", pairs[i], text)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// serverLines returns the lines of the first block of servers in an example.
func serverLines(t *testing.T, config string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^    server db-b .*\n^    server db-c .*\n^    server db-a .*\n`).FindString(config)
	if found == "" {
		t.Fatal("the example in docs/guides/gate.md has no servers")
	}
	return found
}

// portOf returns the port at which an example has a node's server.
func portOf(config, node, ip string) string {
	if found := regexp.MustCompile(regexp.QuoteMeta(node+" "+ip+":") + `(\d+)`).FindStringSubmatch(config); found != nil {
		return found[1]
	}
	return "?"
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	return port
}

// trim returns a name without the mark that it is not wanted.
func trim(name string) string { return strings.TrimPrefix(name, "!") }

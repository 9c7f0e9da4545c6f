package pgnode

import (
	"regexp"
	"strings"
)

const (
	quotesAround = "the connection string begins or ends with a quote; remove the quotes around it; docker's --env-file, " +
		"for example, keeps them"
	twoSchemes = "a URL begins with postgres:// or postgresql://, in lower case"
)

var (
	assignment  = regexp.MustCompile(`^((?i:export|set|setx|env|declare)\s|PG[A-Z_]*\s*=|(?i:[A-Z0-9_]*(DSN|URL|URI))\s*[=:])`)
	command     = regexp.MustCompile(`^(-|psql\s|pg_canary_exporter\s)`)
	otherScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*(:[A-Za-z0-9+.-]+)?:/|^(?i:jdbc|postgres|postgresql|pgsql|pg):|^(?i:postgres|postgresql)/`)
	colonPairs  = regexp.MustCompile(`^[{\[]?\s*["']?([A-Za-z_]+)["']?\s*:`)
)

// likelyMistake names the most likely mistake in a string that is neither a URL
// nor pairs, or else returns found. It quotes nothing.
func likelyMistake(dsn, found string) string {
	before, _, _ := strings.Cut(dsn, "=")
	colon := colonPairs.FindStringSubmatch(dsn)
	switch {
	case strings.IndexFunc(dsn, isQuote) == 0:
		return quotesAround
	case assignment.MatchString(dsn):
		return "the connection string begins with the assignment of a variable; give only what follows its ="
	case command.MatchString(dsn):
		return "the connection string begins with a dash or a command; give only the connection string itself"
	case strings.HasPrefix(dsn, "$"):
		return "the connection string begins with a $: a variable in it was not replaced by its value"
	case strings.HasPrefix(dsn, "#"):
		return "the connection string begins with a #; comments are not supported"
	case otherScheme.MatchString(dsn):
		return "the connection string has a scheme other than postgres; " + twoSchemes
	case strings.HasPrefix(dsn, "//"), strings.ContainsAny(before, "@/"):
		return "the connection string lacks the scheme; " + twoSchemes
	case colon != nil && wordOfPairs(colon[1]):
		return "the connection string has keyword: value; write keyword=value"
	case strings.Contains(dsn, ";") && strings.Contains(dsn, "="):
		return "the connection string has semicolons, and one of its keywords is unknown; pairs are separated by spaces, " +
			"as in host=db user=canary, and values with spaces or quotes are written in '…'"
	}
	return found
}

func wordOfPairs(word string) bool {
	lower := strings.ToLower(word)
	return lower == "database" || isKnown(lower) || aliases[lower] != ""
}

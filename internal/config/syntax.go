package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntax returns the one document of a file, or why there is none.
func syntax(content []byte) (*yaml.Node, *Fault) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root, next yaml.Node
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) || err == nil && isNull(root.Content[0]) {
		return nil, &Fault{1, 1, "the file is empty: give clusters"}
	}
	if err == nil {
		err = decoder.Decode(&next)
	}
	switch {
	case err == nil:
		return nil, &Fault{next.Line, next.Column, "a second document begins here: give one, without ---"}
	case !errors.Is(err, io.EOF):
		return nil, explain(content, err)
	}
	return root.Content[0], nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

var yamlError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// explain returns the parser's error with its place.
func explain(content []byte, err error) *Fault {
	line, text := 1, "the file cannot be read"
	if found := yamlError.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1])
		text = found[2]
	}
	if strings.HasPrefix(text, "unknown anchor") { // It is named there, and may be a password that begins with *.
		text = noAnchors + "; a value that begins with * is written in quotes"
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	if strings.HasPrefix(text, "did not find expected key") || strings.HasPrefix(text, "did not find expected '-'") {
		line = firstBroken(lines, text)
	}
	line = min(max(line, 1), len(lines))
	return &Fault{line, indentation(lines[line-1]) + 1, "this is not YAML: " + text}
}

// firstBroken returns the first line with which the file is broken as a text says. The parser
// gives the line at which the block begins that is broken.
func firstBroken(lines [][]byte, text string) int {
	return 1 + sort.Search(len(lines)-1, func(n int) bool {
		err := yaml.Unmarshal(bytes.Join(lines[:n+1], nil), new(yaml.Node))
		return err != nil && strings.HasSuffix(err.Error(), text)
	})
}

func indentation(line []byte) int {
	at := slices.IndexFunc(line, func(b byte) bool { return b != ' ' && b != '\t' })
	return max(at, 0)
}

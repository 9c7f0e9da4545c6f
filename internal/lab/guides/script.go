package guides

import (
	"fmt"
	"strconv"
	"strings"
)

// separator begins the line that the script prints before each block, with the block's number.
const separator = "\x1e"

// script returns the page's commands for bash. What differs at the reader's site is as the scene has it: definitions in bash,
// by name.
func (g guide) script(scene map[string]string) (string, error) {
	names, err := g.definitions()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString("set -euo pipefail\n")
	for _, name := range names {
		definition, ok := scene[name]
		if !ok {
			return "", fmt.Errorf("%s.md: its first block defines %s, which the scene %s does not know", g.name, name, g.scene)
		}
		text.WriteString(definition + "\n")
	}
	for i, b := range g.blocks {
		if b.kind == commands && b.notRun == "" {
			fmt.Fprintf(&text, "printf '\\036%%d\\n' %d\n%s", i, b.text)
		}
	}
	return text.String(), nil
}

// outputs returns what each block printed, by its number, and the number of the last one that was begun; -1 for none.
func outputs(printed string) (byBlock map[int]string, last int) {
	byBlock, last = map[int]string{}, -1
	for _, part := range strings.Split(printed, separator)[1:] {
		number, output, _ := strings.Cut(part, "\n")
		if i, err := strconv.Atoi(number); err == nil {
			byBlock[i], last = output, i
		}
	}
	return byBlock, last
}

// judge returns what is wrong with what the commands printed; "" if nothing is.
func (g guide) judge(printed string) string {
	byBlock, _ := outputs(printed)
	for i, b := range g.blocks {
		if b.kind != seen {
			continue
		}
		if line := missing(b.text, byBlock[g.commandsBefore(i)]); line != "" {
			return fmt.Sprintf("%s.md:%d: not seen: %s\nin what was printed:\n%s", g.name, b.line, line, byBlock[g.commandsBefore(i)])
		}
	}
	return ""
}

// commandsBefore returns the number of the block of commands that a seen one belongs to.
func (g guide) commandsBefore(i int) int {
	for ; g.blocks[i].kind == seen; i-- {
	}
	return i
}

// rewritten returns the page with what the commands printed in the place of what was seen before.
func (g guide) rewritten(page, printed string) string {
	byBlock, _ := outputs(printed)
	lines := strings.Split(page, "\n")
	for i := len(g.blocks) - 1; i >= 0; i-- {
		b := g.blocks[i]
		output, ok := byBlock[g.commandsBefore(i)]
		if b.kind != seen || !ok {
			continue
		}
		begin, length := b.line, strings.Count(b.text, "\n")
		now := strings.Split(strings.Trim(output, "\n"), "\n")
		lines = append(lines[:begin:begin], append(now, lines[begin+length:]...)...)
	}
	return strings.Join(lines, "\n")
}

// quote returns a word for bash.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

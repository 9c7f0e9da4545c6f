package guides

import (
	"fmt"
	"regexp"
	"strings"
)

// guide is a page and what of it can be run.
type guide struct {
	name  string // of its file, without the ending
	scene string // that it is played on; "" where none of it is run
	// notRun says why nothing of the page is run; "" where something is.
	notRun string
	blocks []block
}

// block is a fenced one of commands, or of what was seen of them.
type block struct {
	line int // of its fence, from 1
	kind kind
	text string
	// notRun says why commands are not run; "" where they are.
	notRun string
}

type kind int

const (
	site     kind = iota // commands: what differs between the reader's site and the scene
	commands             // to be run
	seen                 // what the commands before it print
)

var (
	fenced  = regexp.MustCompile("^```(\\S*)")
	comment = regexp.MustCompile(`^<!-- (scene|not run|seen)(?:: (.+))? -->$`)
)

// parse reads a page. Its first comments name the scene, or say why nothing is run:
//
//	<!-- scene: NAME -->
//	<!-- not run: WHY -->
//
// The latter before a block of commands is about that block. <!-- seen --> before a block
// of another language says that the commands before it print that.
func parse(name, page string) (guide, error) {
	p := parser{guide: guide{name: name}, lines: strings.Split(page, "\n")}
	for p.at < len(p.lines) {
		if err := p.next(); err != nil {
			return guide{}, fmt.Errorf("%s.md:%d: %w", name, p.at+1, err)
		}
		p.at++
	}
	if p.pending != nil {
		return guide{}, fmt.Errorf("%s.md: the last comment is about no block", name)
	}
	return p.guide, nil
}

// mark is a comment that is about the next block.
type mark struct{ what, why string }

type parser struct {
	guide
	lines   []string
	at      int  // the line that is read
	text    bool // something that is no comment was read
	pending *mark
}

// next takes a line, and with a fence its block.
func (p *parser) next() error {
	line := strings.TrimSpace(p.lines[p.at])
	if line == "" {
		return nil
	}
	if match := comment.FindStringSubmatch(line); match != nil {
		return p.takeComment(mark{match[1], match[2]})
	}
	if match := fenced.FindStringSubmatch(line); match != nil {
		return p.takeBlock(match[1])
	}
	p.text = true
	if p.pending != nil {
		return fmt.Errorf("a comment about a block stands right before it")
	}
	return nil
}

func (p *parser) takeComment(m mark) error {
	switch {
	case p.pending != nil:
		return fmt.Errorf("two comments about one block")
	case (m.why == "") != (m.what == "seen"):
		return fmt.Errorf("write <!-- scene: NAME -->, <!-- not run: WHY --> or <!-- seen -->")
	case p.text && m.what == "scene":
		return fmt.Errorf("the scene is named before anything else")
	case p.text:
		p.pending = &m
	case p.scene != "" || p.notRun != "":
		return fmt.Errorf("a page has one scene, or a reason why it has none")
	case m.what == "scene":
		p.scene = m.why
	default:
		p.notRun = m.why
	}
	return nil
}

// takeBlock takes a fenced block, up to the fence that ends it.
func (p *parser) takeBlock(language string) error {
	p.text = true
	b, indent := block{line: p.at + 1}, len(p.lines[p.at])-len(strings.TrimLeft(p.lines[p.at], " "))
	for p.at++; ; p.at++ {
		if p.at == len(p.lines) {
			return fmt.Errorf("the block of line %d does not end", b.line)
		}
		line := p.lines[p.at]
		if strings.TrimSpace(line) == "```" {
			break
		}
		b.text += line[min(indent, len(line)):] + "\n"
	}
	about := p.pending
	p.pending = nil
	if language != "sh" {
		return p.takeOther(b, about)
	}
	if about != nil && about.what == "seen" {
		return fmt.Errorf("what is seen is no block of commands")
	}
	b.kind = commands
	switch {
	case about != nil:
		b.notRun = about.why
	case p.notRun != "":
		b.notRun = p.notRun
	case p.scene == "":
		return fmt.Errorf("commands that are not run: name the page's scene, or say why with <!-- not run: WHY -->")
	case !p.has(site):
		b.kind = site
	}
	p.blocks = append(p.blocks, b)
	return nil
}

// takeOther takes a block that holds no commands.
func (p *parser) takeOther(b block, about *mark) error {
	switch {
	case about == nil:
		return nil
	case about.what != "seen":
		return fmt.Errorf("only commands (```sh) can be not run")
	case !p.has(commands) || p.blocks[len(p.blocks)-1].kind != commands || p.blocks[len(p.blocks)-1].notRun != "":
		return fmt.Errorf("what is seen follows the commands that print it")
	}
	b.kind = seen
	p.blocks = append(p.blocks, b)
	return nil
}

func (g guide) has(wanted kind) bool {
	for _, b := range g.blocks {
		if b.kind == wanted && b.notRun == "" {
			return true
		}
	}
	return false
}

var defined = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(=|\(\) \{ .* \}$)`)

// definitions returns the names of the variables and functions that the page's first block
// defines, which are all that may be in it.
func (g guide) definitions() ([]string, error) {
	var names []string
	for _, b := range g.blocks {
		if b.kind != site {
			continue
		}
		for i, line := range strings.Split(b.text, "\n") {
			line, _, _ = strings.Cut(line, "  #")
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			match := defined.FindStringSubmatch(line)
			if match == nil {
				return nil, fmt.Errorf("%s.md:%d: the first block only defines what differs at the reader's site: NAME=value and name() { command; }", g.name, b.line+1+i)
			}
			names = append(names, match[1])
		}
	}
	return names, nil
}

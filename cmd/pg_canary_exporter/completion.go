package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// kingpin's script for zsh only defines its function when zsh loads it at the first Tab, which then completes nothing.
func init() {
	kingpin.ZshCompletionTemplate += `
if [[ $funcstack[1] == "_{{.App.Name}}" ]]; then
    _{{.App.Name}} "$@"
fi
`
}

// completeFish adds the flag that prints completions for fish, which kingpin does not have.
func completeFish(app *kingpin.Application) {
	app.Flag("completion-script-fish", "Generate completion script for fish.").Hidden().PreAction(func(*kingpin.ParseContext) error {
		if _, err := os.Stdout.WriteString(fishCompletions(app)); err != nil {
			return err
		}
		os.Exit(0) // As kingpin does after its own.
		return nil
	}).Bool()
}

// fishCompletions are the commands and flags of the application as fish's `complete` takes them.
func fishCompletions(app *kingpin.Application) string {
	model := app.Model()
	w := &fishWriter{program: model.Name}
	w.line("-f")
	for _, flag := range model.Flags {
		w.flag("", flag, app.FlagCompletion)
	}
	top := visible(model.Commands)
	for _, command := range top {
		w.line("-n __fish_use_subcommand -a %s -d %s", command.Name, quoteFish(command.Help))
	}
	for _, command := range top {
		w.command(app.GetCommand(command.Name), []string{command.Name}, others(top, command.Name))
	}
	return w.text.String()
}

// visible are the commands that the help shows, and help itself.
func visible(commands []*kingpin.CmdModel) []*kingpin.CmdModel {
	return slices.DeleteFunc(slices.Clone(commands), func(c *kingpin.CmdModel) bool { return c.Hidden })
}

func others(commands []*kingpin.CmdModel, name string) (names []string) {
	for _, c := range commands {
		if c.Name != name {
			names = append(names, c.Name)
		}
	}
	return names
}

type fishWriter struct {
	program string
	text    strings.Builder
}

func (w *fishWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.text, "complete -c %s %s\n", w.program, fmt.Sprintf(format, args...))
}

// command writes the flags and commands of one command. Its words are on the command line, and no other first word is:
// `config check` is not `check`.
func (w *fishWriter) command(clause *kingpin.CmdClause, words, otherFirst []string) {
	var seen []string
	for _, word := range words {
		seen = append(seen, "__fish_seen_subcommand_from "+word)
	}
	within := strings.Join(seen, "; and ")
	otherFirst = slices.DeleteFunc(slices.Clone(otherFirst), func(name string) bool { return slices.Contains(words, name) })
	if len(otherFirst) > 0 {
		within += "; and not __fish_seen_subcommand_from " + strings.Join(otherFirst, " ")
	}
	model := clause.Model()
	for _, flag := range model.Flags {
		w.flag(within, flag, clause.FlagCompletion)
	}
	if slices.ContainsFunc(model.Args, func(a *kingpin.ArgModel) bool { return a.Name == "file" }) {
		w.line("-n %s -F", quoteFish(within))
	}
	below := visible(model.Commands)
	for _, c := range below {
		without := within + "; and not __fish_seen_subcommand_from " + c.Name
		w.line("-n %s -a %s -d %s", quoteFish(without), c.Name, quoteFish(c.Help))
		w.command(clause.GetCommand(c.Name), append(slices.Clone(words), c.Name), otherFirst)
	}
}

// flag writes one flag. What its value may be, kingpin's own completion says.
func (w *fishWriter) flag(within string, flag *kingpin.FlagModel, choices func(name, value string) ([]string, bool, bool)) {
	if flag.Hidden {
		return
	}
	line := ""
	if within != "" {
		line = "-n " + quoteFish(within) + " "
	}
	line += "-l " + flag.Name
	if flag.Short != 0 {
		line += " -s " + string(flag.Short)
	}
	if values, matched, _ := choices(flag.Name, ""); !flag.IsBoolFlag() {
		switch {
		case matched && len(values) > 0:
			line += " -x -a " + quoteFish(strings.Join(values, " "))
		case flag.PlaceHolder == "FILE" || strings.HasSuffix(flag.Name, "file"):
			line += " -r -F"
		default:
			line += " -x"
		}
	}
	w.line("%s -d %s", line, quoteFish(flag.Help))
}

// quoteFish makes one word of the first sentence of a text, as a list of completions has no place for more.
func quoteFish(text string) string {
	if sentence, _, more := strings.Cut(text, ". "); more {
		text = sentence + "."
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

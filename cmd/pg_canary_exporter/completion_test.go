package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

func TestQuoteFish(t *testing.T) {
	for text, want := range map[string]string{
		"A primary's name. And more.": `'A primary\'s name.'`,
		`a \ b`:                       `'a \\ b'`,
		"$HOME (x)":                   "'$HOME (x)'",
	} {
		if got := quoteFish(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestFishCompletions has an application with what makes a difference.
func TestFishCompletions(t *testing.T) {
	app := kingpin.New("prog", "")
	app.Flag("level", "How loud. Or not.").Short('l').Enum("low", "high")
	app.Flag("secret", "Hidden.").Hidden().String()
	app.Flag("fast", "Fast.").Bool()
	app.Flag("input", "Read it.").PlaceHolder("FILE").String()
	app.Command("check", "Check.").Flag("name", "A name.").String()
	config := app.Command("config", "Configure.")
	config.Command("check", "Check it.").Arg("file", "Which.").String()
	app.Command("quiet", "Unseen.").Hidden()
	script := fishCompletions(app)
	for _, want := range []string{
		"-f",
		"-l level -s l -x -a 'low high' -d 'How loud.'",
		"-l fast -d 'Fast.'",
		"-l input -r -F -d 'Read it.'",
		"-n __fish_use_subcommand -a config -d 'Configure.'",
		"-n '__fish_seen_subcommand_from check; and not __fish_seen_subcommand_from config' -l name -x -d 'A name.'",
		"-n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check; and not __fish_seen_subcommand_from check' -a check -d 'Check it.'",
		"-n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from check' -F",
	} {
		if !strings.Contains(script, "complete -c prog "+want+"\n") {
			t.Errorf("there is no line\n%s\nin\n%s", want, script)
		}
	}
	if strings.Contains(script, "secret") || strings.Contains(script, "quiet") {
		t.Errorf("it shows what is hidden:\n%s", script)
	}
}

// TestZshCompletesAtOnce: the script also calls the function that it defines.
func TestZshCompletesAtOnce(t *testing.T) {
	script := rendered(t, kingpin.ZshCompletionTemplate)
	if !strings.HasPrefix(script, "#compdef pg_canary_exporter\n") || strings.Count(script, "\n    _pg_canary_exporter \"$@\"\n") != 1 {
		t.Errorf("it is\n%s", script)
	}
}

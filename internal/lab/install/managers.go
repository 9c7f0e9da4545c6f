//go:build unix

package install

import (
	"os/exec"
	"slices"
	"strings"
)

// manager is a package manager, with what makes it install without a question.
type manager struct {
	program  string
	rootOnly bool
	update   []string // gets the lists of packages; nil: install does that
	install  []string // the packages follow
}

var managers = []manager{
	{
		program: "apt-get", rootOnly: true,
		update:  []string{"apt-get", "update"},
		install: []string{"apt-get", "install", "-y", "--no-install-recommends"},
	},
	{program: "dnf", rootOnly: true, install: []string{"dnf", "install", "-y"}},
	{program: "apk", rootOnly: true, install: []string{"apk", "add", "--update-cache"}},
	{program: "zypper", rootOnly: true, install: []string{"zypper", "--non-interactive", "install"}},
	{program: "pacman", rootOnly: true, install: []string{"pacman", "-Sy", "--noconfirm", "--needed"}},
	{program: "brew", install: []string{"brew", "install"}},
}

// thisManager is the package manager of this machine; the zero one when there is
// none that is known.
func thisManager() manager {
	at := slices.IndexFunc(managers, func(m manager) bool {
		_, err := exec.LookPath(m.program)
		return err == nil
	})
	if at < 0 {
		return manager{}
	}
	return managers[at]
}

// plan is how to get the tools that are missing.
type plan struct {
	manager manager
	install []tool // with the manager
	fetch   []tool // without installing anything
	// obstacle is why nothing may be installed, and remedy what the user does then.
	// Both are empty where there is none.
	obstacle, remedy string
}

// planFor decides how each missing tool is got with m. Those that neither way
// gives are left out.
func planFor(missing []tool, m manager, root bool) plan {
	p := plan{manager: m}
	for _, t := range missing {
		switch {
		case len(t.packages[m.program]) > 0:
			p.install = append(p.install, t)
		case t.fetch != nil:
			p.fetch = append(p.fetch, t)
		}
	}
	switch {
	case m.program == "":
		p.obstacle = "this machine has none of " + programs()
		p.remedy = "install by other means what is missing"
	case m.rootOnly && !root && len(p.install) > 0:
		p.obstacle = "only root may install packages"
		p.remedy = "run: " + p.byHand()
	}
	return p
}

// commands install the packages, in order.
func (p plan) commands() [][]string {
	install := append(slices.Clone(p.manager.install), p.packages()...)
	if p.manager.update == nil {
		return [][]string{install}
	}
	return [][]string{p.manager.update, install}
}

func (p plan) packages() []string {
	var packages []string
	for _, t := range p.install {
		packages = append(packages, t.packages[p.manager.program]...)
	}
	return packages
}

// byHand is the one line by which a user who may become root installs the packages.
func (p plan) byHand() string {
	var lines []string
	for _, words := range p.commands() {
		lines = append(lines, "sudo "+strings.Join(words, " "))
	}
	return strings.Join(lines, " && ")
}

// programs lists the package managers that are known.
func programs() string {
	var names []string
	for _, m := range managers {
		names = append(names, m.program)
	}
	return strings.Join(names, ", ")
}

//go:build ignore

// Reads a configuration as goreleaser does, strictly, and says what is wrong with it. It is run in goreleaser's own
// module, of which it takes the configuration's types alone: that takes seconds, and building goreleaser minutes.
package main

import (
	"fmt"
	"os"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

func main() {
	project, err := config.Load(os.Args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Printf("%s: %d builds, %d archives, %d kinds of packages, %d of bills of materials\n",
		os.Args[1], len(project.Builds), len(project.Archives), len(project.NFPMs), len(project.SBOMs))
}

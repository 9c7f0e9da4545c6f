// Package guides plays the pages of docs/guides, so that they cannot rot: it starts what
// a page is about on this machine, runs the page's commands from the first to the
// last, and compares what they print with what the page says was seen.
package guides

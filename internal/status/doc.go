// Package status puts what is known of clusters into words for people who look at a page: one sentence that says the worst,
// what each state means and what to do next, and the figures beside it.
//
// All of it is pure: what is known and the time go in, text and numbers come out. Nothing here asks a server.
package status

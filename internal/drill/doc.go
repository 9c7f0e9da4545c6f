// Package drill measures the rehearsal of a failover: it takes the results of beats that are
// sent at a short interval, and says how long nobody could write, what was lost, and when
// each replica was back.
//
// The recorder and all that is said of its record are pure: results, sightings and ticks go
// in, a record comes out, and text, a picture, JSON and a judgement are made of that. Only
// the run itself has a clock.
package drill

// Package soakcheck judges the history of a soak run after it has ended. It
// shares no code with the exporter: it knows the history's format and what the
// exporter promises, nothing else.
//
// # What counts as a contradiction
//
// Nobody can look at a replica without taking time, so the observer's reads
// have the same limits as the exporter's. One read was sent at S and came back
// at R, and what it showed was true at some moment between the two:
//
//   - it did not show canary k: k was not visible at a moment at or after S, so
//     it was not visible at any time before S either;
//   - it showed k or a later one: k was visible at a moment at or before R, and
//     so it was at any time after R.
//
// Both conclusions rest on one property: as long as a replica's server runs, what
// it shows never goes back. They end where it is stopped or killed, because
// after a start it may for a moment show less than before. That span is called a
// life. The last read of a life that did not show k, and the first one that did,
// enclose the moment at which k became visible: S0 < visible <= R1.
//
// The observer contradicts the exporter only where no order of events inside
// these bounds makes both true. With A for the acknowledgement and L for
// synced-within, all moments in one life:
//
//   - synced 1 is false if S0 > A + L: a read sent after the limit did not show k.
//   - synced 0 is false if R1 <= A + L: a read that was back within the limit showed k.
//   - a lag of 0 bytes is false if the exporter's own first read showed an older
//     value, or if S0 is after that read had come back.
//   - the exporter says that k became visible between the sending of its last
//     stale read and the return of its first fresh one. That is false if
//     R1 < last stale, or S0 > first fresh: the two intervals do not overlap.
//   - lag_seconds of a replica that shows k is first fresh - A, to a microsecond.
//     Of one that does not, it is the age, when the last stale read was sent, of
//     the oldest acknowledged canary that this read did not show. Which one that
//     is may change until the read was answered, so the observer's reads from its
//     sending to the probe's end set the bounds, give or take 50 ms.
//
// What a restart cuts in two cannot be compared; how often that happened is
// printed. Beside the observer, the history has to be sound in itself: written
// values and positions only grow, a read never goes back within a life, and
// nobody sees a canary before it was sent.
//
// A check that had nothing to compare fails too: silence is no proof.
package soakcheck

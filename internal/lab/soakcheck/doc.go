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
// # Lines
//
// Where primaries change there is not one line of values but many. The judge
// builds them from what the exporters do not know: whoever made the changes
// wrote down when a server was promoted, from which line it came, and up to which
// position its own timeline's history file says that it has the parent's commits;
// and superusers read the row of every server all the time. A promotion begins a
// branch. A beat is known by its branch and its value, because values grow by
// one along a line. What a branch has of its parent's beats is bounded by
//
//   - what its server showed before it was promoted,
//   - the positions of acknowledged beats up to the fork,
//   - the first value that is known to be of the branch, and
//   - the random marks that were seen: the same value with the same mark is the
//     same beat, with another mark it is another one.
//
// The list of eras in the row, from which the exporter concludes the same, is not read.
// Where the bounds leave a beat in doubt, nothing is concluded from it.
//
// A server is on one branch, in one role, for a span: for sure between two
// moments, and not outside of two others. In between it is being changed. So:
//
//   - synced 1 and a fresh read are false if the superuser, in the same span and
//     after the limit or the read, saw a row whose line does not have the beat;
//     synced 0 is false if one within the limit had it.
//   - diverged is false of a standby whose branch is the primary's or leads to it,
//     and which after the scrape had received nothing beyond the fork. Another
//     state is false of one that before the scrape showed a beat which is not on the
//     primary's line, if it was read.
//   - primaries and primary_timeline are compared where nobody changes during the
//     scrape and every server that takes writes answered.
//   - primary_changes_total grows by one exactly when an exporter's beat is on another
//     branch than its beat before.
//   - lost_writes_total is the number of acknowledged beats of this run of the
//     exporter that were at some time neither on the line that was written nor on
//     that of another server, known to the exporter, that took writes. While such
//     a server is being changed both answers are right, and the published one is
//     believed. So is a beat that no scrape tells of: a probe that finds in its middle
//     that another server is to be written has written to two.
//   - at risk, as the log says it, is what only another server that takes writes has.
//
// A check that had nothing to compare fails too: silence is no proof.
package soakcheck

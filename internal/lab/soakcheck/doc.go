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
// How old what the replica shows is lies between lag_seconds and the bound, in terms of the
// exporter's own beats: of one that does not show k,
//
//   - lag_seconds is false if it is longer than the oldest beat had been waiting, when
//     the last stale read was sent, that the observer had not seen by then.
//   - staleness_bound_seconds is false if the observer, after the probe's end, still
//     did not see a beat that had been waiting for longer when the deciding read came back.
//     It is also the age of the beat that replica_capacity names then, of one that shows k that of k, to a microsecond.
//   - unseen_beats is the number of beats that were acknowledged, above replica_capacity.
//
// What a restart cuts in two cannot be compared; how often that happened is
// printed. Beside the observer, the history has to be sound in itself: written
// values and positions only grow, a read never goes back within a life, and
// nobody sees a canary before it was sent.
//
// # Beats and totals
//
// Every beat is in the history, of scrapes and of the pulse, acknowledged or not, in the order in
// which the exporter counted them. A beat of the pulse publishes nothing of its own: its reads are
// judged as a probe's are, and what they prove (in time, late, or neither) has to be in the
// counters. A scrape is answered when its own beat has been counted, and others that ended
// by then may have been: so its totals are those of some number of beats
// between the two, no less and no more.
//
//   - commit_duration_seconds counts each acknowledged beat once, and verdicts_total once for each replica: synced as
//     often as the reads prove it, late as often, or more where a replica has left the primary's history.
//   - Each visibility delay that the exporter counted is in the history, too. It is false if it is of no beat, of one that
//     was counted there before, or of one that this very server acknowledged; if it ends before
//     the observer's last read that did not show the beat was sent; or if it is missing though
//     the beat's own reads saw it become visible. Number and sum of the histogram are those of the delays.
//   - An outage begins with the first beat of which it is known why it was not acknowledged, at its sending, or at that of
//     the first before it of which nothing was known; with the pulse, also with one that took longer than the interval and
//     than thrice the median of the last 31. It ends with the next acknowledgement. Two places on both sides of the median are left in doubt, and so is
//     a beat that went to another server than the one before (an attempt at the first may have failed) and one
//     that the next beat was sent before the end of. write_outages_total counts what began, and
//     write_outage_seconds_total is their time, of one that lasts until the scrape; it may be 50 ms more, where a
//     scrape is answered while an acknowledgement is being taken note of.
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
//     exporter, of scrapes and of the pulse, that were at some time neither on the line that was written nor on
//     that of another server, known to the exporter, that took writes. While such
//     a server is being changed, and until the next probe connects, both answers are right, and the logged one is
//     believed. So is a beat that nothing tells of: a probe that finds in its middle
//     that another server is to be written has written to two.
//   - lag_seconds is false of a server if it is longer than the oldest beat on the primary's line had been waiting that
//     the superuser had not seen there, and the bound if it is shorter than the oldest had that it surely lacked.
//   - at risk, as the log says it, is what only another server that takes writes has.
//
// A check that had nothing to compare fails too: silence is no proof.
package soakcheck

package verdict

// LeftHistory says whether a node is proved to have left the history of a beat. Its
// row stands to the beat as standing says, now is what it said about itself before
// the row, and before what it last said before the beat was sent; zero where that
// was another server.
func (l *Ledger) LeftHistory(beat Beat, before, now State, row Row, standing Standing) bool {
	switch {
	case standing == Left:
		return true
	case standing == Shows, !now.Detailed:
		return false
	case leftTimeline(beat.Row, before, now, standing):
		return true
	default:
		return standing == Behind && l.contradicts(beat, now.ReplayLSN, row)
	}
}

// leftTimeline says whether the timelines prove it: the chain that led to the beat
// has none after the beat's, and an earlier one up to the fork only.
//
// What a standby receives may be of a timeline that forked after the beat, while it
// replays what led to it. If it received that timeline before the beat was sent,
// the fork is older. By its control file a standby has reached a timeline at least:
// it may have reached the beat's and not say so, but a later one it replays.
func leftTimeline(beat Row, before, now State, standing Standing) bool {
	switch {
	case !now.InRecovery:
		return standing == Behind // It gets nothing from others any more.
	case beat.Timeline == 0:
		return false
	case now.LeastTimeline > beat.Timeline:
		return standing == Behind
	case now.Timeline > beat.Timeline:
		return before.Timeline > beat.Timeline
	default:
		return now.Timeline != 0 && now.Timeline < beat.Timeline && beat.Fork != 0 && now.ReplayLSN > beat.Fork
	}
}

// contradicts says whether a node replayed a position at which its row, which lacks the
// beat, would show more than it does, if it were on the history of the beat.
func (l *Ledger) contradicts(beat Beat, replayed LSN, row Row) bool {
	if beat.LSN != 0 && replayed >= beat.LSN {
		return true
	}
	next := l.oldestUnseen(row)
	return next != nil && next.lsn != 0 && replayed >= next.lsn
}

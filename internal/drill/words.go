package drill

import (
	"fmt"
	"strconv"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// seconds writes a duration in seconds with as many digits as a drill is good for.
func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case d < time.Second:
		return strconv.FormatFloat(d.Seconds()*1000, 'f', 0, 64) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(s, 'f', 2, 64) + " s"
	default:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
}

// lag writes one, in milliseconds with a digit after the point where it is short.
func lag(d time.Duration) string {
	if d < 10*time.Millisecond {
		return strconv.FormatFloat(d.Seconds()*1000, 'f', 1, 64) + " ms"
	}
	return seconds(d)
}

// beats counts them, such as "1 acknowledged beat".
func beats(n int64, kind string) string {
	if n == 1 {
		return fmt.Sprintf("1 %sbeat", kind)
	}
	return fmt.Sprintf("%d %sbeats", n, kind)
}

// position writes one as PostgreSQL does.
func position(lsn verdict.LSN) string {
	if lsn == 0 {
		return "a position that is not known"
	}
	return lsn.String()
}

// clock writes a time of the day, in UTC, to the millisecond.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

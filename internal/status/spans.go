package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span says how long a time is in the unit that a person would choose: 0.4 ms, 120 ms, 1.3 s, 16 s, 12 min, 5 h, 3 d.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d.Round(100*time.Microsecond))/float64(time.Millisecond), 'f', -1, 64) + " ms"
	case d < time.Second:
		return inUnits(d, time.Millisecond, "ms")
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < 2*time.Minute:
		return inUnits(d, time.Second, "s")
	case d < 2*time.Hour:
		return inUnits(d, time.Minute, "min")
	case d < 2*day:
		return inUnits(d, time.Hour, "h")
	default:
		return inUnits(d, day, "d")
	}
}

func inUnits(d, unit time.Duration, name string) string { return fmt.Sprintf("%d %s", d/unit, name) }

// Ago says how long ago something was, in whole seconds at the least: its text changes no more often than that.
func Ago(age time.Duration) string {
	if age < time.Second {
		return "just now"
	}
	return Span(max(age.Truncate(time.Second), time.Second)) + " ago"
}

// Size says exactly how many bytes there are and, from 10 KiB on, about how many of a larger unit; "" else.
func Size(bytes uint64) (exact, about string) {
	exact = grouped(bytes) + " B"
	for _, unit := range []struct {
		size uint64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= unit.size && bytes >= 10<<10 {
			return exact, fmt.Sprintf("%.1f %s", float64(bytes)/float64(unit.size), unit.name)
		}
	}
	return exact, ""
}

// grouped writes a number with a thin space after each three digits.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), "\u202f")
}

// enumerate joins names as a sentence has them: a, b and c.
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// number writes a small number as a word, as a sentence begins.
func number(n int) string {
	words := []string{"No", "One", "Two", "Three", "Four", "Five", "Six"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

func upperFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

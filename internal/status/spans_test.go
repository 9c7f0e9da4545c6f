package status

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 ms", 420 * time.Microsecond: "0.4 ms", 9999 * time.Microsecond: "10 ms", 120500 * time.Microsecond: "120 ms",
		1340 * time.Millisecond: "1.3 s", 9 * time.Second: "9 s", 16400 * time.Millisecond: "16 s", 119 * time.Second: "119 s",
		2 * time.Minute: "2 min", 119 * time.Minute: "119 min", 5*time.Hour + time.Minute: "5 h", 47 * time.Hour: "47 h", 73 * time.Hour: "3 d",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "just now", 900 * time.Millisecond: "just now", 1900 * time.Millisecond: "1 s ago", 8999 * time.Millisecond: "8 s ago",
		16400 * time.Millisecond: "16 s ago", 6 * time.Minute: "6 min ago",
	} {
		if got := Ago(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64][2]string{
		0: {"0 B", ""}, 384: {"384 B", ""}, 10239: {"10\u202f239 B", ""}, 10240: {"10\u202f240 B", "10.0 KiB"},
		33_600_000: {"33\u202f600\u202f000 B", "32.0 MiB"}, 6 << 30: {"6\u202f442\u202f450\u202f944 B", "6.0 GiB"}, 3 << 40: {"3\u202f298\u202f534\u202f883\u202f328 B", "3.0 TiB"},
	} {
		if exact, about := Size(bytes); exact != want[0] || about != want[1] {
			t.Errorf("%d is %q, %q", bytes, exact, about)
		}
	}
}

func TestEnumerate(t *testing.T) {
	for want, names := range map[string][]string{"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := enumerate(names); got != want {
			t.Errorf("%q is %q", names, got)
		}
	}
	if number(2) != "Two" || number(7) != "7" {
		t.Errorf("%s, %s", number(2), number(7))
	}
}

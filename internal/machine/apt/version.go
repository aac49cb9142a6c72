package apt

import "strings"

// Compare orders two Debian version strings as dpkg does: negative when a is
// earlier than b, positive when it is later, zero when neither (Debian Policy
// 5.6.12).
func Compare(a, b string) int {
	epochA, restA := splitEpoch(a)
	epochB, restB := splitEpoch(b)
	if c := compareNumbers(epochA, epochB); c != 0 {
		return c
	}
	upstreamA, revisionA := splitRevision(restA)
	upstreamB, revisionB := splitRevision(restB)
	if c := comparePart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return comparePart(revisionA, revisionB)
}

func splitEpoch(v string) (epoch, rest string) {
	if epoch, rest, ok := strings.Cut(v, ":"); ok {
		return epoch, rest
	}
	return "", v
}

func splitRevision(v string) (upstream, revision string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

// comparePart alternates between a run of non-digits, compared character by
// character, and a run of digits, compared as a number.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		for charOrder(a) != 0 || charOrder(b) != 0 {
			if d := charOrder(a) - charOrder(b); d != 0 {
				return d
			}
			a, b = a[1:], b[1:]
		}
		digitsA, digitsB := leadingDigits(a), leadingDigits(b)
		if c := compareNumbers(digitsA, digitsB); c != 0 {
			return c
		}
		a, b = a[len(digitsA):], b[len(digitsB):]
	}
	return 0
}

// charOrder ranks the first character of s: a tilde sorts before the end of
// the string, letters before everything else. Digits end a run as the end does.
func charOrder(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case 'a' <= s[0]|0x20 && s[0]|0x20 <= 'z':
		return int(s[0])
	default:
		return int(s[0]) + 256
	}
}

func leadingDigits(s string) string {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// compareNumbers compares decimal numbers of any length; empty is zero.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

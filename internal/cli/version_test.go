package cli

import (
	"runtime/debug"
	"testing"
)

// The version is the tag where there is one, and never one that Go makes up.
func TestVersionIsTheTag(t *testing.T) {
	for _, c := range []struct{ main, revision, modified, want string }{
		{"v1.2.3", "9f3c2a11d0e4c01d", "false", "v1.2.3"},
		{"v1.2.3+dirty", "9f3c2a11d0e4c01d", "true", "v1.2.3+"},
		{"v1.0.0-rc1", "9f3c2a11d0e4c01d", "false", "v1.0.0-rc1"},
		{"v0.0.0-20261130013418-9f3c2a11d0e4", "9f3c2a11d0e4c01d", "false", "9f3c2a11d0e4"},
		{"v1.2.4-0.20261130013418-9f3c2a11d0e4+dirty", "9f3c2a11d0e4c01d", "true", "9f3c2a11d0e4+"},
		{"(devel)", "9f3c2a11d0e4c01d", "false", "9f3c2a11d0e4"},
		{"(devel)", "", "", "(devel)"},
		{"v1.2.3", "", "", "v1.2.3"}, // go install ...@v1.2.3
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.main}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: c.revision}, {Key: "vcs.modified", Value: c.modified},
		}}
		if got := versionOf(info); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.main, c.revision, got, c.want)
		}
	}
}

package apt

import (
	"maps"
	"testing"
)

// A machine behind a proxy has it in apt's settings.
func TestProxiesOfApt(t *testing.T) {
	for dump, want := range map[string]map[string]string{
		"": {},
		"Acquire::http::Proxy \"http://proxy:3142\";\n":                                                     {"http": "http://proxy:3142", "https": "http://proxy:3142"},
		"Acquire::http::Proxy \"http://proxy:3142\";\nAcquire::https::Proxy \"DIRECT\";\n":                  {"http": "http://proxy:3142"},
		"Acquire::http::proxy \"http://proxy:3142/\";\nAcquire::http::proxy::deb.example.org \"DIRECT\";\n": {"http": "http://proxy:3142/", "https": "http://proxy:3142/"},
	} {
		if got := readProxies(dump); !maps.Equal(got, want) {
			t.Errorf("%q gives %v", dump, got)
		}
	}
}

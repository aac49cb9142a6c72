package apt

import (
	"maps"
	"net/url"
	"testing"
)

// A machine behind a proxy has it in apt's settings.
func TestProxiesOfApt(t *testing.T) {
	for dump, want := range map[string]map[string]string{
		"": {},
		"Acquire::http::Proxy \"http://proxy:3142\";\n":                                    {"http": "http://proxy:3142", "https": "http://proxy:3142"},
		"Acquire::http::Proxy \"http://proxy:3142\";\nAcquire::https::Proxy \"DIRECT\";\n": {"http": "http://proxy:3142", "https": "DIRECT"},
		"Acquire::http::proxy \"http://proxy:3142/\";\nAcquire::http::proxy::deb.example.org \"DIRECT\";\n": {
			"http": "http://proxy:3142/", "https": "http://proxy:3142/", "http::deb.example.org": "DIRECT", "https::deb.example.org": "DIRECT"},
	} {
		if got := readProxies(dump); !maps.Equal(got, want) {
			t.Errorf("%q gives %v", dump, got)
		}
	}
}

// A host to which apt goes directly, or another way, is reached so.
func TestProxyForOneHost(t *testing.T) {
	said := readProxies("Acquire::http::Proxy \"http://proxy:3142\";\nAcquire::http::Proxy::mirror.lan \"DIRECT\";\nAcquire::https::Proxy::mirror.lan \"http://other:1\";\n")
	for to, want := range map[string]string{
		"http://deb.example.org/debian": "http://proxy:3142", "https://deb.example.org": "http://proxy:3142",
		"http://Mirror.lan:8080/debian": "DIRECT", "https://mirror.lan/": "http://other:1",
	} {
		at, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		if got := wayTo(said, at); got != want {
			t.Errorf("the way to %s is %q, not %q", to, got, want)
		}
	}
}

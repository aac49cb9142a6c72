package network

import (
	"net/http"
	"strings"
	"testing"
)

// A proxy that is down is named, and not the host behind it, which nobody asked.
func TestProxyIsNamed(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Setenv(strings.ToUpper(scheme)+"_PROXY", "http://127.0.0.1:9")
	}
	for _, scheme := range []string{"http", "https"} {
		resp, err := (&http.Client{Transport: Transport()}).Get(scheme + "://mirror.invalid/debian")
		if err == nil {
			resp.Body.Close()
			t.Fatal("a proxy that is down leads somewhere")
		}
		const want = "the proxy for mirror.invalid (HTTP_PROXY, HTTPS_PROXY, or Acquire::http::Proxy of apt) refuses the connection\n"
		if got := Cause(err); !strings.HasPrefix(got, want) || !strings.Contains(got, "127.0.0.1:9") {
			t.Errorf("Cause = %q; want %q and the proxy's address", got, want)
		}
	}
}

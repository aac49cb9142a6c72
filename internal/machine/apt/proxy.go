package apt

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

// proxies are those of the machine's own apt, by scheme, or by scheme and host
// (apt-transport-http(1)): a machine behind a proxy may have it configured only
// there. The environment takes precedence.
func proxies() map[string]string {
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy"} {
		if os.Getenv(name) != "" || os.Getenv(strings.ToUpper(name)) != "" {
			return nil
		}
	}
	out, err := exec.CommandContext(context.Background(), "apt-config", "dump", "--no-empty", "Acquire::http::Proxy", "Acquire::https::Proxy").Output()
	if err != nil {
		return nil // without apt, it has no settings
	}
	return readProxies(string(out))
}

// readProxies reads the output of apt-config(8). The proxy for one host has the
// host after the scheme, as in apt: https::deb.example.org. https uses the proxy of
// http unless it has its own.
func readProxies(dump string) map[string]string {
	said := map[string]string{}
	for line := range strings.Lines(dump) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		way, ok := strings.CutPrefix(strings.ToLower(name), "acquire::")
		scheme, host, proxy := strings.Cut(way, "::proxy")
		if value = strings.Trim(value, `";`); ok && proxy && value != "" && (host == "" || strings.HasPrefix(host, "::")) {
			said[scheme+host] = value
		}
	}
	for way, proxy := range maps.Clone(said) {
		if host, ok := strings.CutPrefix(way, "http"); ok && said["https"+host] == "" && (host == "" || host[0] == ':') {
			said["https"+host] = proxy
		}
	}
	return said
}

// through is the proxy of a request, nil for none.
func through(proxies map[string]string) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		switch proxy := wayTo(proxies, req.URL); {
		case strings.EqualFold(proxy, "DIRECT"): // apt's word for none
			return nil, nil
		case proxy != "":
			return url.Parse(proxy)
		}
		return http.ProxyFromEnvironment(req)
	}
}

// wayTo is the proxy for one host, or for all; "" is none.
func wayTo(said map[string]string, to *url.URL) string {
	return cmp.Or(said[to.Scheme+"::"+strings.ToLower(to.Hostname())], said[to.Scheme])
}

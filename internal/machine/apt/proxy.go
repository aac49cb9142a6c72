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

// proxies are those that the machine's own apt goes through, by the scheme of
// what is asked for, or by scheme and host (apt-transport-http(1)): a machine
// behind one has it there and nowhere else. What the environment says stands
// before it.
func proxies() map[string]string {
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy"} {
		if os.Getenv(name) != "" || os.Getenv(strings.ToUpper(name)) != "" {
			return nil
		}
	}
	out, err := exec.CommandContext(context.Background(), "apt-config", "dump", "--no-empty", "Acquire::http::Proxy", "Acquire::https::Proxy").Output()
	if err != nil {
		return nil // without apt there is no setting of it
	}
	return readProxies(string(out))
}

// readProxies reads what apt-config(8) dumps. The proxy for one host has that
// after the scheme, as apt has it: https::deb.example.org. https goes where http
// goes unless it says another way.
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

// through tells the proxy of a request, nil for none.
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

// wayTo is what is said of one host, or of all; "" is nothing.
func wayTo(said map[string]string, to *url.URL) string {
	return cmp.Or(said[to.Scheme+"::"+strings.ToLower(to.Hostname())], said[to.Scheme])
}

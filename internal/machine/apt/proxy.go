package apt

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

// proxies are those that the machine's own apt goes through, by the scheme of
// what is asked for (apt-transport-http(1)): a machine behind one has it there
// and nowhere else. What the environment says stands before it.
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

// readProxies reads what apt-config(8) dumps. Those for one host alone are left
// out. DIRECT is none, and https goes where http goes unless it says another way.
func readProxies(dump string) map[string]string {
	said := map[string]string{}
	for line := range strings.Lines(dump) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		scheme, ok := strings.CutSuffix(strings.ToLower(name), "::proxy")
		if scheme, found := strings.CutPrefix(scheme, "acquire::"); ok && found {
			said[scheme] = strings.Trim(value, `";`)
		}
	}
	if _, ok := said["https"]; !ok {
		said["https"] = said["http"]
	}
	for scheme, proxy := range said {
		if proxy == "" || strings.EqualFold(proxy, "DIRECT") {
			delete(said, scheme)
		}
	}
	return said
}

// through tells the proxy of a request, nil for none.
func through(proxies map[string]string) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if proxy := proxies[req.URL.Scheme]; proxy != "" {
			return url.Parse(proxy)
		}
		return http.ProxyFromEnvironment(req)
	}
}

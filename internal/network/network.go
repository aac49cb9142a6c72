// Package network is how hostctl talks to other machines. It gives up soon, and
// says in one line which machine fails and why.
package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// ConnectTime bounds the time to connect. Tries is how often
// one is tried.
const (
	ConnectTime = 10 * time.Second
	Tries       = 2
)

// Transport is Go's own, with these timeouts.
func Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: ConnectTime}).DialContext
	t.TLSHandshakeTimeout = ConnectTime
	return t
}

// Cause says in one line which host fails and why, and in the next one what the
// system says.
func Cause(err error) string {
	var at *url.Error
	if !errors.As(err, &at) {
		return err.Error() // there was an answer, and the error names it
	}
	host := at.URL
	if u, err := url.Parse(at.URL); err == nil {
		host = u.Host
	}
	cause := "cannot be read"
	var proxy *net.OpError
	if errors.As(err, &proxy) && proxy.Op == "proxyconnect" { // as net/http's Transport has it
		host = "the proxy for " + host + " (HTTP_PROXY, HTTPS_PROXY, or Acquire::http::Proxy of apt)"
	}
	var lookup *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		cause = "is a name that no name server knows"
	case errors.As(err, &lookup):
		cause = "cannot be looked up: no name server answers"
	case errors.Is(err, syscall.ECONNREFUSED):
		cause = "refuses the connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		cause = "breaks the connection off"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		cause = "cannot be reached: the network is down, or has no way there"
	case errors.As(err, &timeout) && timeout.Timeout():
		cause = "does not answer in time"
	}
	return fmt.Sprintf("%s %s\n  %s", host, cause, at.Err)
}

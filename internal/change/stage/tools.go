package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/bootloader"
)

const (
	toolsDir    = insideDir + "/bin" // first in the PATH of maintainer scripts
	toolsSocket = insideDir + "/tools"
)

// tools stands for bootloader.Tools in a stage: what only asks gets the live
// machine's answer, what wants to change something is written down.
type tools struct {
	live     bool // the root that is staged is the one that runs
	mu       sync.Mutex
	recorded []string
}

// furnish puts a copy of this program in the place of the tools. It is
// static, and so runs in a root whose libraries are half unpacked.
func (t *tools) furnish(root string) error {
	dir := filepath.Join(root, toolsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := copySelf(filepath.Join(dir, "hostctl")); err != nil {
		return fmt.Errorf("cannot bring hostctl into the stage: %w", err)
	}
	for _, name := range bootloader.Tools() {
		if err := os.Symlink("hostctl", filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(root, toolsSocket), Net: "unix"})
	if err != nil {
		return fmt.Errorf("cannot listen to maintainer scripts in the stage: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go t.serve(conn)
		}
	}()
	return nil
}

func copySelf(to string) error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (t *tools) serve(conn net.Conn) {
	defer conn.Close()
	var c bootloader.Call
	if err := json.NewDecoder(conn).Decode(&c); err != nil || !slices.Contains(bootloader.Tools(), c.Program) {
		return // the caller sees that it gets no answer
	}
	_ = json.NewEncoder(conn).Encode(t.answer(c)) // it may be gone
}

func (t *tools) answer(c bootloader.Call) bootloader.Answer {
	switch {
	case c.Asks() && t.live:
		return c.Live(context.Background())
	case c.Asks():
		return bootloader.Answer{Code: 1} // a root that does not run has no firmware and no disk that boots it
	}
	if t.live {
		c = c.Lasting()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if call := c.String(); !slices.Contains(t.recorded, call) {
		t.recorded = append(t.recorded, call)
	}
	return bootloader.Answer{}
}

// asked lists what maintainer scripts wanted to change, each once.
func (t *tools) asked() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.recorded)
}

// Tool is a program of bootloader.Tools as a maintainer script in a stage calls
// it. It returns the code to exit with.
func Tool(args []string) int {
	c := bootloader.Call{Program: filepath.Base(args[0]), Args: args[1:]}
	if c.AsksItself() {
		return execReal(args)
	}
	answer, err := ask(c)
	if err != nil {
		fmt.Fprintf(os.Stderr, "hostctl: cannot stand for %s: %v\n", c.Program, err)
		return 1
	}
	fmt.Print(answer.Out)
	return answer.Code
}

func ask(c bootloader.Call) (a bootloader.Answer, err error) {
	conn, err := net.Dial("unix", "/"+toolsSocket)
	if err != nil {
		return a, err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(c); err != nil {
		return a, err
	}
	return a, json.NewDecoder(conn).Decode(&a)
}

// execReal becomes the program that a tool stands for.
func execReal(args []string) int {
	var path []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if dir != "/"+toolsDir {
			path = append(path, dir)
		}
	}
	if err := os.Setenv("PATH", strings.Join(path, ":")); err != nil {
		return 1
	}
	real, err := exec.LookPath(filepath.Base(args[0]))
	if err == nil {
		err = syscall.Exec(real, args, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "hostctl: cannot start %s: %v\n", filepath.Base(args[0]), err)
	if errors.Is(err, exec.ErrNotFound) {
		return 127
	}
	return 126
}

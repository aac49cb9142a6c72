//go:build amd64

// Package torture interrupts the real hostctl at its work: with SIGKILL, with
// errors of system calls, with full and read-only file systems, at every step
// or at random ones. After each interruption the real binary recovers, and
// every path of the machine is the old generation's or the new one's.
//
// Its machine is a Debian root in memory with other file systems below it,
// not a booted one: TestKilledSwitch of test/host kills where units run, and
// power is cut in test/vm.
package torture

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

var (
	interruptions = flag.Int("n", 160, "how many interruptions, spread over all kinds; 0 is every step of every kind")
	kindFlag      = flag.String("kind", "", "only interruptions of this kind: kill, ENOSPC, EIO, run (what a shell does to a disk) or lose")
	disksFlag     = flag.String("disks", "", "the file systems below the root and what they are, as opt:ext4,usr:xfs,var:btrfs; chosen by the seed where it is not given")
	seedFlag      = flag.Uint64("seed", 0, "choose the same interruptions as the run that printed this seed; 0 is another one each time")
)

// apart is set in the copy of this program that has mounts of its own.
const apart = "HOSTCTL_TORTURE_APART"

func TestMain(m *testing.M) {
	if job := os.Getenv(traceJobVar); job != "" {
		os.Exit(traceMain(job))
	}
	flag.Parse()
	if os.Getuid() != 0 || os.Getenv(apart) != "" {
		os.Exit(m.Run())
	}
	// What is mounted for the machine is seen by nobody else, and goes with
	// this process.
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "/proc/self/exe"}, os.Args[1:]...)...)
	cmd.Args[4] = os.Args[0]
	cmd.Env = append(os.Environ(), apart+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

// newSeed is what everything that is chosen comes from; it is printed.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	return seed
}

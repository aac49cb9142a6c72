// Command testmachine makes and uses throwaway Debian 13 machines from a
// shell: for demo/run.sh, and for looking at a machine by hand. It needs root.
//
//	testmachine base                 make the root that machines are copied from, print its path
//	testmachine boot NAME [OUT:IN]   make a machine, with the folder OUT of this one at IN, and boot it
//	testmachine exec NAME CMD...     run a command in it
//	testmachine shell NAME           print the command that enters it
//	testmachine destroy NAME         end it and remove it
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/hostctl/hostctl/test/machine"
)

func main() {
	err := run(context.Background(), os.Args[1:])
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testmachine:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "base":
		root, err := machine.Base(ctx, os.Stderr)
		if err != nil {
			return err
		}
		fmt.Println(root)
		return nil
	case len(args) >= 2 && args[0] == "boot":
		return boot(ctx, args[1], args[2:])
	case len(args) < 2:
		return errors.New("cannot tell what to do: see the comment at the top of test/machine/testmachine/main.go")
	}
	m, err := machine.Open(args[1])
	if err != nil {
		return err
	}
	switch {
	case args[0] == "exec" && len(args) > 2:
		cmd := m.Command(ctx, args[2], args[3:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		return cmd.Run()
	case args[0] == "shell":
		fmt.Println(m.Shell())
		return nil
	case args[0] == "destroy":
		return m.Destroy()
	}
	return fmt.Errorf("cannot %s: no such command", args[0])
}

func boot(ctx context.Context, name string, binds []string) error {
	base, err := machine.Base(ctx, os.Stderr)
	if err != nil {
		return err
	}
	m, err := machine.New(ctx, base, name)
	if err != nil {
		return err
	}
	for _, b := range binds {
		outside, inside, _ := strings.Cut(b, ":")
		m.Bind = append(m.Bind, machine.Bind{Outside: outside, Inside: inside})
	}
	return m.Boot(ctx)
}

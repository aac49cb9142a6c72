// Command testmachine makes and uses throwaway Debian 13 machines from a
// shell: for demo/run.sh, and for looking at a machine by hand. It needs root.
//
//	testmachine base                     make the root that machines are copied from, print its path
//	testmachine fetch CACHE FLAKE HOST   download the packages that a host has beyond that root into CACHE
//	testmachine boot NAME CACHE          make a machine that has the packages in CACHE, boot it, print its root
//	testmachine exec NAME CMD...         run a command in it
//	testmachine shell NAME               print the command that enters it
//	testmachine destroy NAME             end it and remove it
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

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
	if len(args) == 0 {
		return errors.New("cannot tell what to do: see the comment at the top of test/machine/testmachine/main.go")
	}
	verb, args := args[0], args[1:]
	switch {
	case verb == "base" && len(args) == 0:
		root, err := machine.Base(ctx, os.Stderr)
		fmt.Println(root)
		return err
	case verb == "fetch" && len(args) == 3:
		base, err := machine.Base(ctx, os.Stderr)
		if err != nil {
			return err
		}
		_, err = machine.Fetch(ctx, base, args[0], args[1], args[2])
		return err
	case verb == "boot" && len(args) == 2:
		return boot(ctx, args[0], args[1])
	case len(args) > 0:
		m, err := machine.Open(args[0])
		if err != nil {
			return err
		}
		return use(ctx, m, verb, args[1:])
	}
	return fmt.Errorf("cannot %s %q: see the comment at the top of test/machine/testmachine/main.go", verb, args)
}

// use does something with a machine that is there.
func use(ctx context.Context, m *machine.Machine, verb string, args []string) error {
	switch {
	case verb == "exec" && len(args) > 0:
		cmd := m.Command(ctx, args[0], args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		return cmd.Run()
	case verb == "shell":
		fmt.Println(m.Shell())
		return nil
	case verb == "destroy":
		return m.Destroy()
	}
	return fmt.Errorf("cannot %s machine %s: no such command", verb, m.Name)
}

func boot(ctx context.Context, name, cache string) error {
	base, err := machine.Base(ctx, os.Stderr)
	if err != nil {
		return err
	}
	m, err := machine.New(ctx, base, name)
	if err != nil {
		return err
	}
	if err := m.ShareDebs(ctx, cache); err != nil {
		return err
	}
	if err := m.Boot(ctx); err != nil {
		return err
	}
	fmt.Println(m.Root)
	return nil
}

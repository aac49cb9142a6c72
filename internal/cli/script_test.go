package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run hostctl as a program: the test binary under its name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"hostctl": func() { os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../test/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOSTCTL_CACHE", env.WorkDir+"/.cache")
			return nil
		},
		ContinueOnError:     true,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

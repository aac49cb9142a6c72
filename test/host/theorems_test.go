package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// changingCalls are the system calls with which a process leaves a trace on a
// file system, starts a program or talks to one.
const changingCalls = "open,openat,openat2,creat,mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat," +
	"symlink,symlinkat,mknod,mknodat,chmod,fchmod,fchmodat,?fchmodat2,chown,fchown,lchown,fchownat,truncate,ftruncate,fallocate," +
	"setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,utimensat,mount,umount2,ioctl,execve,connect,kill"

// theorems hold after every switch: a plan finds nothing to do, and a plan
// changes nothing but its own cache and starts nothing, as a trace shows.
func (g *guest) theorems() {
	g.t.Helper()
	trace := filepath.Join(g.t.TempDir(), "trace")
	plan := g.Command(g.t.Context(), "hostctl", "plan", "--detailed-exitcode", "--flake", flakeInGuest, "--host", g.host)
	cmd := exec.Command("strace", append([]string{"-f", "-y", "-e", "trace=" + changingCalls, "-o", trace}, plan.Args...)...)
	if r := runCommand(g.t, cmd); r.code != 0 {
		g.t.Errorf("a plan after a switch is not empty\n%s", r)
	}
	b, err := os.ReadFile(trace)
	if err != nil {
		g.t.Fatal(err)
	}
	_, calls, ok := strings.Cut(string(b), `execve("/usr/local/bin/hostctl"`)
	if !ok {
		g.t.Fatalf("the trace shows no hostctl:\n%s", b)
	}
	for _, call := range changes(calls) {
		g.t.Errorf("plan changes something: %s", call)
	}
}

// changes are the lines of a trace that change something outside hostctl's cache.
func changes(trace string) []string {
	failed := regexp.MustCompile(`= -1 E`)
	harmless := regexp.MustCompile(`ioctl\(\d+<[^>]*>, (TCGETS|TIOCGWINSZ|FS_IOC_GETFSUUID|_IOC\(_IOC_READ)`)
	reading := regexp.MustCompile(`(open|openat|openat2)\(.*O_RDONLY`)
	creating := regexp.MustCompile(`O_(CREAT|TRUNC|TMPFILE)`)
	cache := regexp.MustCompile(`[<"]/var/cache/hostctl[/">]`)
	var out []string
	for line := range strings.Lines(trace) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.Contains(line, "("), strings.Contains(line, "resumed>"), strings.Contains(line, "???("), failed.MatchString(line):
		case reading.MatchString(line) && !creating.MatchString(line):
		case harmless.MatchString(line), cache.MatchString(line), strings.Contains(line, `"/dev/null"`):
		case strings.HasPrefix(line, `, [`): // the rest of the line that starts hostctl
		case strings.Contains(line, "+++"), strings.Contains(line, "---"):
		default:
			out = append(out, line)
		}
	}
	return out
}

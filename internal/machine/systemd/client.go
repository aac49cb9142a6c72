package systemd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const (
	// QueueTime is for calls that only hand something to systemd.
	QueueTime = 30 * time.Second
	// JobTime is for calls that wait for stops: systemd itself kills after
	// 90 s unless the unit says otherwise (DefaultTimeoutStopSec).
	JobTime = 150 * time.Second
)

// live is the root of the systems that managers run.
const live = system.Root("/")

// Manager is one systemd that runs, of the system or of a user.
type Manager struct {
	as      *syscall.SysProcAttr
	env     []string
	options []string
}

// PID1 is the manager of the system.
func PID1() Manager { return Manager{} }

// OfUser is the manager of a user, user@UID.service. It answers its own user alone.
func OfUser(uid, gid uint32, home string) Manager {
	return Manager{
		as:      &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}},
		env:     []string{"XDG_RUNTIME_DIR=/run/user/" + strconv.FormatUint(uint64(uid), 10), "HOME=" + home},
		options: []string{"--user"},
	}
}

// Once calls systemctl, once. It ends when the time is over.
func (m Manager) Once(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	return live.RunAs(ctx, limit, m.as, m.env, "systemctl", append(slices.Clone(m.options), args...)...)
}

// Retry repeats a call that failed: while systemd re-executes itself, which can
// happen at any time, it answers nobody and loses requests.
func (m Manager) Retry(ctx context.Context, call func() error) error {
	const tries, pause = 8, 200 * time.Millisecond
	deadline := time.Now().Add(QueueTime)
	for try := 1; ; try++ {
		err := call()
		if err == nil || try == tries || time.Now().After(deadline) {
			return err
		}
		for {
			if _, silent := m.Once(ctx, QueueTime, "show", "--property=Version"); silent == nil {
				break
			}
			if time.Now().After(deadline) || ctx.Err() != nil {
				return err
			}
			time.Sleep(pause)
		}
	}
}

// Call calls systemctl, and again where systemd was executing itself.
func (m Manager) Call(ctx context.Context, limit time.Duration, args ...string) (out []byte, err error) {
	err = m.Retry(ctx, func() error {
		out, err = m.Once(ctx, limit, args...)
		return err
	})
	return out, err
}

// Stop stops units and waits for it. A unit that is not loaded is stopped.
//
// One that others call over D-Bus while they stop, as NetworkManager calls its
// dispatcher, is started again by that, and its own stop canceled; once those
// others have stopped it stays down.
func (m Manager) Stop(ctx context.Context, units []string) error {
	err := m.Retry(ctx, func() error {
		_, err := m.Once(ctx, JobTime, append([]string{"stop", "--"}, units...)...)
		if err == nil {
			return nil
		}
		if now, asked := m.Show(ctx, units); asked == nil {
			units = slices.DeleteFunc(slices.Clone(units), func(name string) bool { return now[name].Down() })
		}
		if len(units) == 0 {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot stop units: %w", err)
	}
	return nil
}

// Starting reports whether the boot goes on: systemd still works off what it began
// with (systemctl(1), is-system-running).
func (m Manager) Starting(ctx context.Context) bool {
	out, err := m.Once(ctx, QueueTime, "show", "--property=SystemState", "--value")
	state := strings.TrimSpace(string(out))
	return err == nil && (state == "initializing" || state == "starting")
}

// Listed is what systemd reports about every unit at once.
type Listed struct {
	Unit   string `json:"unit"`
	Load   string `json:"load"`
	Active string `json:"active"`
	Sub    string `json:"sub"`
}

// List returns the units that systemctl's list-units lists, by name.
func (m Manager) List(ctx context.Context, args ...string) (map[string]Listed, error) {
	out, err := m.Call(ctx, QueueTime, append([]string{"list-units", "--output=json"}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot list units: %w", err)
	}
	var rows []Listed
	if err := json.Unmarshal(out, &rows); err != nil {
		return nil, fmt.Errorf("cannot list units: systemctl's answer is no JSON: %w", err)
	}
	units := make(map[string]Listed, len(rows))
	for _, row := range rows {
		units[row.Unit] = row
	}
	return units, nil
}

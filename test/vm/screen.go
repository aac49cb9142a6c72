package vm

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// qmp is where qemu takes commands, in its machine protocol (QMP).
func (m *Machine) qmp() string { return filepath.Join(m.Dir, "qmp") }

// command has qemu do something.
func (m *Machine) command(ctx context.Context, name string, arguments map[string]any) error {
	conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(ctx, "unix", m.qmp())
	if err != nil {
		return fmt.Errorf("cannot reach qemu: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	from, to := json.NewDecoder(conn), json.NewEncoder(conn)
	type request struct {
		Execute   string         `json:"execute"`
		Arguments map[string]any `json:"arguments,omitempty"`
	}
	for _, r := range []request{{Execute: "qmp_capabilities"}, {name, arguments}} {
		if err := to.Encode(r); err != nil {
			return fmt.Errorf("cannot ask qemu for %s: %w", r.Execute, err)
		}
		for answered := false; !answered; { // its greeting and its events come between
			var a struct {
				Return *json.RawMessage `json:"return"`
				Error  *struct {
					Desc string `json:"desc"`
				} `json:"error"`
			}
			if err := from.Decode(&a); err != nil {
				return fmt.Errorf("cannot read what qemu says to %s: %w", r.Execute, err)
			}
			if a.Error != nil {
				return fmt.Errorf("qemu refuses %s: %s", r.Execute, a.Error.Desc)
			}
			answered = a.Return != nil
		}
	}
	return nil
}

// Press presses keys together, by their names in QMP's QKeyCode.
func (m *Machine) Press(ctx context.Context, keys ...string) error {
	var pressed []map[string]string
	for _, k := range keys {
		pressed = append(pressed, map[string]string{"type": "qcode", "data": k})
	}
	return m.command(ctx, "send-key", map[string]any{"keys": pressed})
}

// Type types small letters, digits and the other characters of names, and then
// Enter. An emulated keyboard loses keys that come too fast.
func (m *Machine) Type(ctx context.Context, text string) error {
	names := map[rune]string{'-': "minus", '.': "dot", '/': "slash", ' ': "spc"}
	for _, r := range text {
		name, ok := names[r]
		if !ok {
			name = string(r)
		}
		if err := m.Press(ctx, name); err != nil {
			return err
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return err
		}
	}
	return m.Press(ctx, "ret")
}

// Photograph writes what the screen shows, a PNG.
func (m *Machine) Photograph(ctx context.Context, to string) error {
	return m.command(ctx, "screendump", map[string]any{"filename": to, "format": "png"})
}

package host

import "testing"

// Accounts, settings and homes that were there before hostctl: a configuration
// changes what it says, gives it back when it no longer does, and deletes no
// account that it did not make. One that goes ends what it runs.
func TestAccountsThatWereThere(t *testing.T) {
	t.Parallel()
	g := small(t)
	config := flakeInGuest + "/hosts/small/default.hcl"
	base := g.read(config)
	g.sh(`useradd --create-home --groups sudo,games --shell /bin/bash alice
		mkdir -p /home/ada/.config/sops/age && touch /home/ada/.config/sops/age/keys.txt
		mkdir -p /home/ada/pictures && echo hers > /home/ada/pictures/one && useradd --uid 1700 --create-home eve
		systemctl mask -q hibernate.target`)
	was := g.sh("getent passwd alice; id -nG alice; getent passwd www-data; id -nG www-data")
	forward := g.sh("sysctl -n net.ipv4.ip_forward")

	g.write(config, base+`
user "alice" {
  shell = "/bin/sh"
}
user "ada" {
  uid = 1810
}
user "eve" {
  home = "/srv/eve"
}
user "www-data" {
  groups = ["games"]
  shell  = "/bin/bash"
  home   = "/srv/www"
}
unit "hibernate.target" {
  masked = false
}
sysctl = { "net.ipv4.ip_forward" = 1 }
secrets { age_key_file = "/home/ada/.config/sops/age/keys.txt" }
`, 0o644)
	plan := g.want(2, []string{"/home/ada", "what is in /home/eve stays there"}, "plan", "--detailed-exitcode")
	t.Logf("the plan:\n%s", plan)
	g.want(0, nil, "switch", "--yes")
	g.says("id -nG alice; getent passwd alice | cut -d: -f7", "alice sudo games\n/bin/sh")
	g.says("stat -c '%n %U' /home/ada /home/ada/pictures /home/ada/pictures/one", "/home/ada ada\n/home/ada/pictures root\n/home/ada/pictures/one root")
	g.says("stat -c '%n %U' /home/ada/.config /home/ada/.config/sops/age /home/ada/.config/sops/age/keys.txt", "/home/ada/.config ada\n/home/ada/.config/sops/age ada\n/home/ada/.config/sops/age/keys.txt root")
	g.says("stat -c '%U %a' /srv/eve", "eve 700")
	g.says("id -nG www-data; sysctl -n net.ipv4.ip_forward; systemctl is-enabled hibernate.target || true", "www-data games\n1\nstatic")
	g.want(0, nil, "plan", "--detailed-exitcode")

	g.sh(`mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/ada
		systemd-run --quiet --unit=hers --property=User=ada sleep 1000
		setpriv --reuid=ada --regid=ada --clear-groups sleep 2000 > /dev/null 2>&1 &`)
	g.until("ada runs something", "test $(pgrep -c -u ada sleep) = 2")
	g.write(config, base, 0o644)
	g.want(2, []string{`user "ada" lingers and runs sleep`, `user "alice" stays`}, "plan", "--detailed-exitcode")
	g.want(0, []string{"end what user ada runs"}, "switch", "--yes")
	g.says("getent passwd alice; id -nG alice; getent passwd www-data; id -nG www-data", was)
	g.says("getent passwd ada || echo gone; pgrep -c -u 1810 || true; ls /var/lib/systemd/linger", "gone\n0")
	g.says("sysctl -n net.ipv4.ip_forward; systemctl is-enabled hibernate.target || true; getent passwd eve | cut -d: -f6", forward+"\nmasked\n/home/eve")
	g.says("cat /home/ada/pictures/one", "hers")
	g.want(0, nil, "plan", "--detailed-exitcode")

	g.write(config, base+"\nuser \"ada\" { uid = 1820 }\nuser \"alice\" { absent = true }\n", 0o644)
	g.want(2, []string{`user "ada" had uid 1810 when it was here before, and gets 1820`}, "plan", "--detailed-exitcode")
	g.want(0, nil, "switch", "--yes")
	g.says("id -u ada; getent passwd alice || echo gone; stat -c %U /home/alice/.bashrc", "1820\ngone\nUNKNOWN")
	g.want(0, nil, "rollback", "--to", "0", "--yes")
	g.says("id -nG alice; getent passwd ada || echo gone; stat -c %U /home/ada", "alice sudo games\ngone\nroot")
}

#!/bin/sh
# What people made of a Debian machine: none of it by hostctl.
set -eu

# Three accounts: one with sudo and a key, one with a password only, one whose
# services run without a login.
useradd --create-home --shell /bin/bash --groups sudo,adm ada
useradd --create-home --shell /bin/bash --groups games bea
useradd --create-home --shell /bin/sh cid
echo 'bea:correct horse' | chpasswd
echo 'ada ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ada
install -d -o ada -g ada -m 0700 /home/ada/.ssh
ssh-keygen -q -t ed25519 -N '' -C ada@laptop -f /root/laptop
install -o ada -g ada -m 0600 /root/laptop.pub /home/ada/.ssh/authorized_keys
echo 'hers' > /home/bea/diary && chown bea: /home/bea/diary
install -d -o cid -g cid /home/cid/.config /home/cid/.config/systemd /home/cid/.config/systemd/user /home/cid/.config/systemd/user/default.target.wants
printf '[Service]\nExecStart=/bin/sleep infinity\n' > /home/cid/.config/systemd/user/watch.service
ln -s ../watch.service /home/cid/.config/systemd/user/default.target.wants/watch.service
# What loginctl enable-linger does, which asks polkit.
mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/cid
systemctl restart systemd-logind.service

# Conffiles that somebody edited: nginx's, nftables' and sshd's.
sed -i 's/worker_connections .*;/worker_connections 512; # by hand/' /etc/nginx/nginx.conf
grep -q 'by hand' /etc/nginx/nginx.conf
printf 'table inet byhand {\n\tchain input {\n\t\ttype filter hook input priority 0;\n\t\ttcp dport 9999 drop\n\t}\n}\n' >> /etc/nftables.conf
systemctl enable -q --now nftables.service
sed -i 's/^#Port 22$/Port 2222/' /etc/ssh/sshd_config
systemctl restart ssh.service

# A site, as a playbook left it, and a database.
cat > /etc/nginx/sites-enabled/site <<'SITE'
server {
  listen 80;
  server_name shop.example;
  location / { return 200 "the shop\n"; }
}
SITE
systemctl reload nginx.service
su postgres -c 'psql -qc "create table orders (n int primary key, what text)" -c "insert into orders values (1, '\''tea'\''), (2, '\''cake'\'')"'

# A network from which people come.
ip netns add afar
ip link add near type veth peer name far netns afar
ip address add 192.0.2.1/24 dev near && ip link set near up
ip -n afar address add 192.0.2.2/24 dev far && ip -n afar link set far up

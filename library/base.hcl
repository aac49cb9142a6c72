# What acts on every host, whether or not anything names it.

# /run is empty after a boot, and secrets must be there before any service.
unit "hostctl-secrets.service" {
  when    = length(config.secret) > 0
  enabled = true
  content = <<-EOT
    [Unit]
    Description=Put the secrets of this host below /run
    DefaultDependencies=no
    RequiresMountsFor=/var/lib/hostctl ${dirname(config.hostctl.path)} ${dirname(config.secrets.age_key_file)}
    After=local-fs.target systemd-sysusers.service
    Before=sysinit.target shutdown.target
    Conflicts=shutdown.target

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ExecStart=${config.hostctl.path} secrets install

    [Install]
    WantedBy=sysinit.target
  EOT
}

# What outlives the root file system: folders and files on another one,
# bind-mounted where programs look for them. An entry below another entry of the
# same root is part of that one.

option "persistence.*.hide_mounts" {
  type        = bool
  default     = true
  description = "Whether file managers hide the mounts."
}

option "persistence.*.directories" {
  type        = set(path)
  default     = []
  description = "Folders to keep, as absolute paths."
  example     = ["/var/lib/bluetooth", "/etc/NetworkManager/system-connections"]
}

option "persistence.*.files" {
  type        = set(path)
  default     = []
  description = "Files to keep, as absolute paths. If a program replaces a file by renaming, as shells do with their history, keep the file's folder instead."
  example     = ["/etc/machine-id"]
}

option "persistence.*.user.*.directories" {
  type        = set(path)
  default     = []
  description = "Folders of the user to keep, relative to the home."
  example     = ["Documents", ".ssh"]
}

option "persistence.*.user.*.files" {
  type        = set(path)
  default     = []
  description = "Files of the user to keep, relative to the home."
  example     = [".zsh_history"]
}

locals {
  directories = flatten([for root, p in config.persistence : concat(
    [for d in p.directories : { root = root, path = d, hide = p.hide_mounts }],
    flatten([for user, u in p.user : [for d in u.directories : { root = root, path = "${config.user[user].home}/${d}", hide = p.hide_mounts }]]),
  )])
  files = flatten([for root, p in config.persistence : concat(
    [for f in p.files : { root = root, path = f, hide = p.hide_mounts }],
    flatten([for user, u in p.user : [for f in u.files : { root = root, path = "${config.user[user].home}/${f}", hide = p.hide_mounts }]]),
  )])
  entries = { for e in concat(local.directories, local.files) : e.path => e... if !anytrue([
    for d in local.directories : d.root == e.root && startswith(e.path, "${d.path}/")
  ]) }
}

mount {
  for_each = local.entries
  source   = "${each.value[0].root}${each.key}"
  options  = ["bind"]
  hide     = each.value[0].hide
}

assert "persisted_once" {
  condition = alltrue([for path, entries in local.entries : length(entries) == 1])
  message   = "Two persistence roots keep ${join(", ", [for path, entries in local.entries : path if length(entries) > 1])}: name it in one of them."
}

assert "persistence_has_rollback" {
  condition = length(config.persistence) == 0 || config.boot.rollback_root
  message   = "persistence names what outlives the root file system, and nothing resets it: set boot.rollback_root, or leave persistence out."
}

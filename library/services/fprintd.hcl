# Fingerprints. The package of the PAM module runs pam-auth-update, which adds
# it to /etc/pam.d/common-auth, and removes it with the package.

option "services.fprintd.enable" {
  type        = bool
  default     = false
  description = "Whether users can log in with a fingerprint as well as with the password. Enrol with fprintd-enroll; enrolments are in /var/lib/fprint."
}

config {
  when     = config.services.fprintd.enable
  packages = ["fprintd", "libpam-fprintd"]
}

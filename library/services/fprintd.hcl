# Fingerprints. The package of the PAM module has pam-auth-update put it into
# /etc/pam.d/common-auth, and take it out with the package.

option "services.fprintd.enable" {
  type        = bool
  default     = false
  description = "Whether a fingerprint opens a session, beside the password. Enrol with fprintd-enroll; enrolments are in /var/lib/fprint."
}

config {
  when     = config.services.fprintd.enable
  packages = ["fprintd", "libpam-fprintd"]
}

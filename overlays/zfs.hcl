# A newer ZFS than Debian's own, from the backports. Its module is built on the
# host, against the kernel of boot.kernel_packages, so that one's headers have
# to be there.
package {
  for_each = toset(["zfs-dkms", "zfs-dracut", "zfs-zed", "zfsutils-linux"])
  from     = input.backports
}

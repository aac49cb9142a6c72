# A newer kernel and the ZFS that is built against it, from the backports.
# They belong together: 7.2 is the last kernel that ZFS 2.4 says it builds
# with. The module is built on the host, so the headers have to be there.
boot {
  kernel_packages = ["linux-image-7.2.12+deb13-amd64", "linux-headers-7.2.12+deb13-amd64"]
}

package {
  for_each = toset([
    "linux-headers-7.2.12+deb13-amd64", "linux-image-7.2.12+deb13-amd64",
    "zfs-dkms", "zfs-dracut", "zfs-zed", "zfsutils-linux",
  ])
  from = input.backports
}

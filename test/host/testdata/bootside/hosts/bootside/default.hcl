packages = ["linux-image-amd64", "linux-headers-amd64", "zfs-dkms", "zfs-dracut", "v4l2loopback-dkms", "dracut"]

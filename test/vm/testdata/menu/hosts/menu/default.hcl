packages = ["linux-image-cloud-amd64"]

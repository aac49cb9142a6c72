# The kernel's command line, through GRUB.

option "boot.kernel_params" {
  type        = list(string)
  default     = []
  description = "Parameters of the kernel's command line. They are in force after the next update-grub, which every update of the kernel runs, and a boot."
  example     = ["nohibernate"]
}

file "/etc/default/grub.d/50-hostctl.cfg" {
  when    = length(config.boot.kernel_params) > 0
  content = "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX ${join(" ", config.boot.kernel_params)}\"\n"
}

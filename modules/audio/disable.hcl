# A host without sound.
package "pipewire" { absent = true }
package "pulseaudio" { absent = true }
package "rtkit" { absent = true }

# The text console: Terminus 16, American keyboard.
console {
  enable          = true
  font_face       = "Terminus"
  font_size       = "8x16"
  keyboard_layout = "us"
}

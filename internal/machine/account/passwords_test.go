package account

import "testing"

func TestPasswordsOutliveTheirAccounts(t *testing.T) {
	with := Files{Shadow: []byte("root:*:1:0:::::\nann:$y$chosen:2:0:::::\n")}
	without := Files{Shadow: []byte("root:*:1:0:::::\n")}
	recorded := Files{Shadow: []byte("root:*:1:0:::::\nann:$y$revoked:1:0:::::\nbob:!:1:0:::::\n")}

	gone, saved := Passwords(with, without, nil)
	if string(gone[Shadow]) != string(without[Shadow]) || saved["ann"] != "ann:$y$chosen:2:0:::::\n" || len(saved) != 1 {
		t.Fatalf("got %q, saved %q", gone[Shadow], saved)
	}
	back, _ := Passwords(without, recorded, saved)
	if want := "root:*:1:0:::::\nann:$y$chosen:2:0:::::\nbob:!:1:0:::::\n"; string(back[Shadow]) != want {
		t.Errorf("got %q, want %q", back[Shadow], want)
	}
	// An account that is there keeps what it has, whatever was saved once.
	there, _ := Passwords(with, with, map[string]string{"ann": "ann:$y$older:1:0:::::\n"})
	if string(there[Shadow]) != string(with[Shadow]) {
		t.Errorf("got %q", there[Shadow])
	}
}

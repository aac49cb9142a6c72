package commit

// Settle makes durable what a changeset has waiting in its slots, so that word
// can be left to apply it later.
func (j Journal) Settle(c *Changeset) error {
	d, err := j.open(&Tx{Mounts: c.Mounts})
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

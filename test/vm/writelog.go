package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// A write log is what qemu's blklogwrites driver makes of everything that a
// guest sends to a disk, in the format of the kernel's dm-log-writes
// (Documentation/admin-guide/device-mapper/log-writes.rst): a sector for the
// head, then for each request a sector that describes it, and its data.
const (
	logSector   = 512
	logMagic    = 0x6a736677736872
	flagFlush   = 1
	flagFUA     = 2
	flagDiscard = 4
)

// request is one entry of a write log.
type request struct {
	sector, sectors uint64
	flags           uint64
	data            int64 // where its data is in the log
	end             int64 // where the next entry is
}

// readLog lists the requests of a log, which ends where its entries do.
func readLog(path string) ([]request, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, logSector)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if m := binary.LittleEndian.Uint64(head); m != logMagic {
		return nil, fmt.Errorf("cannot read %s: it is no write log: %x", path, m)
	}
	count := binary.LittleEndian.Uint64(head[16:])
	var out []request
	at := int64(logSector)
	for range count {
		if _, err := f.ReadAt(head, at); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		r := request{
			sector: binary.LittleEndian.Uint64(head), sectors: binary.LittleEndian.Uint64(head[8:]),
			flags: binary.LittleEndian.Uint64(head[16:]), data: at + logSector,
		}
		at = r.data
		if r.flags&flagDiscard == 0 {
			at += int64(r.sectors) * logSector
		}
		r.end = at
		out = append(out, r)
	}
	return out, nil
}

// cut makes of the disk, as it was when the log began, what a power cut after
// the first n requests leaves: all that was flushed, and of what was written
// since the last flush any part, chosen by chance; without chance, everything.
func cut(disk, log string, requests []request, n int, chance *rand.Rand) error {
	flushed := 0
	for i := range n {
		if requests[i].flags&flagFlush != 0 {
			flushed = i
		}
	}
	out, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	in, err := os.Open(log)
	if err != nil {
		return err
	}
	defer in.Close()
	for i, r := range requests[:n] {
		lost := i > flushed && chance != nil && r.flags&flagFUA == 0 && chance.IntN(2) == 0
		if r.sectors == 0 || r.flags&flagDiscard != 0 || lost {
			continue
		}
		to := io.NewOffsetWriter(out, int64(r.sector)*logSector)
		if _, err := io.Copy(to, io.NewSectionReader(in, r.data, int64(r.sectors)*logSector)); err != nil {
			return err
		}
	}
	return out.Close()
}

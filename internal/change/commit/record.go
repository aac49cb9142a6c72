package commit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/transaction"
)

// The records of a transaction are a file of lines. The first names the
// format, each other one is a record: length and CRC-32C of its JSON, in
// eight hexadecimal digits each, then the JSON. The first record is the
// transaction without its steps, then every step has one. The marker, a file
// of the same form whose name is the transaction's state, holds their total.
// So a torn, foreign or newer journal is told from one that may be replayed
// (engine rule 29).
const (
	formatName    = "hostctl-journal"
	formatVersion = 3
	frameLen      = len("01234567 01234567 ")
	// maxRecord bounds what a damaged length makes a reader hold, in bytes.
	maxRecord = 64 << 20
)

// marker says what a whole journal is. Its name is the transaction's state.
type marker struct {
	ID      string `json:"id"`
	Records int    `json:"records"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
}

// record is one record of the file: a transaction's head, or one of its steps.
type record struct {
	Tx    *transaction.Tx   `json:"tx,omitempty"`
	Step  *transaction.Step `json:"step,omitempty"`
	Clean *transaction.Step `json:"clean,omitempty"`
}

func appendFirstLine(b []byte) []byte {
	return fmt.Appendf(b, "%s %d\n", formatName, formatVersion)
}

func appendRecord(b []byte, v any) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return appendFrame(b, payload), nil
}

func appendFrame(b, payload []byte) []byte {
	b = fmt.Appendf(b, "%08x %08x ", len(payload), crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	return append(append(b, payload...), '\n')
}

// sumOf is the marker of a file of n records, without the transaction's id.
func sumOf(records []byte, n int) marker {
	sum := sha256.Sum256(records)
	return marker{Records: n, Bytes: int64(len(records)), SHA256: hex.EncodeToString(sum[:])}
}

// encode gives the records of tx and the marker that vouches for them.
func encode(tx *transaction.Tx) (records, mark []byte, err error) {
	records, err = appendRecord(appendFirstLine(nil), record{Tx: tx})
	for i := 0; err == nil && i < len(tx.Steps); i++ {
		records, err = appendRecord(records, record{Step: &tx.Steps[i]})
	}
	for i := 0; err == nil && i < len(tx.Clean); i++ {
		records, err = appendRecord(records, record{Clean: &tx.Clean[i]})
	}
	if err != nil {
		return nil, nil, err
	}
	m := sumOf(records, 1+len(tx.Steps)+len(tx.Clean))
	m.ID = tx.ID
	mark, err = appendRecord(appendFirstLine(nil), m)
	return records, mark, err
}

// errTorn is of a file that does not hold what was written to it.
var errTorn = errors.New("it is damaged")

// errNewer is of a file that a later hostctl wrote.
var errNewer = errors.New("a newer hostctl wrote it")

// frames splits a file into its records, each checked.
func frames(b []byte) ([][]byte, error) {
	first, rest, ok := bytes.Cut(b, []byte("\n"))
	name, version, _ := strings.Cut(string(first), " ")
	switch {
	case !ok || name != formatName:
		return nil, fmt.Errorf("%w: its first line is not '%s %d'", errTorn, formatName, formatVersion)
	case version != fmt.Sprint(formatVersion):
		return nil, fmt.Errorf("%w: its version is %q, this hostctl knows %d", errNewer, version, formatVersion)
	}
	var out [][]byte
	for n := 1; len(rest) > 0; n++ {
		var size, sum uint32
		if len(rest) < frameLen || rest[8] != ' ' || rest[17] != ' ' ||
			!hexField(rest[:8], &size) || !hexField(rest[9:17], &sum) || size > maxRecord {
			return nil, fmt.Errorf("%w: record %d has no length and checksum", errTorn, n)
		}
		rest = rest[frameLen:]
		if int64(len(rest)) < int64(size)+1 || rest[size] != '\n' {
			return nil, fmt.Errorf("%w: record %d is cut off", errTorn, n)
		}
		if crc32.Checksum(rest[:size], crc32.MakeTable(crc32.Castagnoli)) != sum {
			return nil, fmt.Errorf("%w: the checksum of record %d does not match", errTorn, n)
		}
		out = append(out, rest[:size])
		rest = rest[size+1:]
	}
	return out, nil
}

func hexField(b []byte, v *uint32) bool {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != 4 {
		return false
	}
	*v = uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
	return true
}

func decodeMarker(b []byte) (marker, error) {
	var m marker
	records, err := frames(b)
	if err != nil {
		return m, err
	}
	if len(records) != 1 {
		return m, fmt.Errorf("%w: it has %d records, not one", errTorn, len(records))
	}
	if err := json.Unmarshal(records[0], &m); err != nil {
		return m, fmt.Errorf("%w: %w", errTorn, err)
	}
	if m.ID == "" || filepath.Base(m.ID) != m.ID || !filepath.IsLocal(m.ID) {
		return m, fmt.Errorf("%w: it names the transaction %q", errTorn, m.ID)
	}
	return m, nil
}

// decodeTx reads the records that a marker vouches for.
func decodeTx(b []byte, m marker) (*transaction.Tx, error) {
	if int64(len(b)) != m.Bytes {
		return nil, fmt.Errorf("%w: it has %d bytes, %d were written", errTorn, len(b), m.Bytes)
	}
	records, err := frames(b)
	if err != nil {
		return nil, err
	}
	if s := sumOf(b, len(records)); s.SHA256 != m.SHA256 || s.Records != m.Records {
		return nil, fmt.Errorf("%w: its %d records are not the %d that were written", errTorn, len(records), m.Records)
	}
	tx, err := decodeHead(records)
	if err != nil {
		return nil, err
	}
	for i, r := range records[1:] {
		var e record
		err := json.Unmarshal(r, &e)
		switch {
		case err == nil && e.Step != nil:
			tx.Steps = append(tx.Steps, *e.Step)
		case err == nil && e.Clean != nil:
			tx.Clean = append(tx.Clean, *e.Clean)
		default:
			return nil, errors.Join(fmt.Errorf("%w: record %d is no step", errTorn, i+2), err)
		}
	}
	if err := tx.Valid(); err != nil {
		return nil, fmt.Errorf("%w: %w", errTorn, err)
	}
	if tx.ID != m.ID {
		return nil, fmt.Errorf("%w: it is of transaction %s, not %s", errTorn, tx.ID, m.ID)
	}
	return tx, nil
}

// decodeHead reads the transaction without its steps.
func decodeHead(records [][]byte) (*transaction.Tx, error) {
	var e record
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: it has no records", errTorn)
	}
	if err := json.Unmarshal(records[0], &e); err != nil || e.Tx == nil {
		return nil, errors.Join(fmt.Errorf("%w: record 1 is no transaction", errTorn), err)
	}
	return e.Tx, nil
}

// writeFile writes a file of the journal and makes its bytes durable.
func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(b))
	return errors.Join(err, f.Sync(), f.Close())
}

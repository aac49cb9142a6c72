package stage

import (
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// giveIDs makes sure that no new account has the id of one that was here
// before, and that a name which comes back has its old id: files of removed
// accounts stay behind (engine rule 9). The staged nodes follow.
func giveIDs(res *Result, req Request) error {
	live, err := account.Read(system.Root(req.Root))
	if err != nil {
		return err
	}
	delta, ids, err := account.Remap(res.Accounts, live, req.Tombs, declared(req.Want))
	if err != nil {
		return err
	}
	res.Accounts = delta
	if len(ids.UIDs) == 0 && len(ids.GIDs) == 0 {
		return nil
	}
	for _, e := range res.Changeset.Entries {
		if e.After == nil || !rewrite(&e.After.Attr, ids) || e.Slot == "" {
			continue
		}
		slot := node.In(req.Root, res.Changeset.Mounts[e.FS].Point, e.Slot)
		if err := node.SetAttr(slot, e.After.Attr); err != nil {
			return err
		}
	}
	return nil
}

// declared are the ids that a spec gives.
func declared(want *spec.Host) account.Tombs {
	out := account.Tombs{Users: map[string]int{}, Groups: map[string]int{}}
	for name, u := range want.Users {
		if u.UID != nil {
			out.Users[name] = *u.UID
		}
	}
	for name, g := range want.Groups {
		if g.GID != nil {
			out.Groups[name] = *g.GID
		}
	}
	return out
}

func rewrite(a *node.Attr, ids account.Rewrite) bool {
	uid, newUID := ids.UIDs[int(a.UID)]
	gid, newGID := ids.GIDs[int(a.GID)]
	if newUID {
		a.UID = uint32(uid)
	}
	if newGID {
		a.GID = uint32(gid)
	}
	return newUID || newGID
}

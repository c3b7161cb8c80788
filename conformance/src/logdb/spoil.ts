import type { Bootstrap, Entry, Snapshot, Update } from '@drakkar/raftio';

/** Changes all that can be changed of what belongs to the caller: the LogDB must neither notice nor show it. */
export function spoilEntries(list: Entry[]): void {
  for (const item of list) {
    item.cmd.fill(0xee);
    item.clientID = 9;
    item.place(item.term + 90, item.index + 90);
  }
  list.length = 0;
}

export function spoilSnapshot(snapshot: Snapshot): void {
  snapshot.membership.addresses.clear();
  snapshot.membership.removed.clear();
  snapshot.membership.observers.set(99, 'spoilt');
  for (const { metadata } of snapshot.files) metadata.fill(0xee);
  Object.assign(snapshot, { filepath: 'spoilt', term: 99, index: 99 });
  snapshot.files.length = 0;
}

export function spoilBootstrap(bootstrap: Bootstrap): void {
  bootstrap.addresses.clear();
  bootstrap.addresses.set(99, 'spoilt');
  Object.assign(bootstrap, { join: !bootstrap.join, groupID: 99 });
}

export function spoilUpdates(updates: Update[]): void {
  for (const { entriesToSave, state: given, snapshot } of updates) {
    spoilEntries(entriesToSave as Entry[]);
    if (given !== undefined) Object.assign(given, { term: 99, vote: 99, commit: 99 });
    if (snapshot !== undefined) spoilSnapshot(snapshot);
  }
  updates.length = 0;
}

import { type Bootstrap, Entry, type Membership, type Snapshot, type SnapshotFile } from '@drakkar/raftio';

/** Deep copies, so that neither side of a reference adapter can see the other's later changes. */
export function copyEntry(from: Entry): Entry {
  return new Entry(
    from.term,
    from.index,
    from.type,
    from.key,
    from.clientID,
    from.seriesID,
    from.respondedTo,
    from.cmd.slice(),
  );
}

export function copyBootstrap(bootstrap: Bootstrap): Bootstrap {
  return { ...bootstrap, addresses: new Map(bootstrap.addresses) };
}

export function copyMembership(from: Membership): Membership {
  return {
    configChangeID: from.configChangeID,
    addresses: new Map(from.addresses),
    removed: new Map(from.removed),
    observers: new Map(from.observers),
  };
}

function copyFile(from: SnapshotFile): SnapshotFile {
  return { ...from, metadata: from.metadata.slice() };
}

export function copySnapshot(from: Snapshot): Snapshot {
  return { ...from, membership: copyMembership(from.membership), files: from.files.map(copyFile) };
}

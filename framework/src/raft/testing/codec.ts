import {
  ConfigChangeType,
  Entry,
  EntryType,
  type Membership,
  type Message,
  makeEntry,
} from '@drakkar/raftio';

/*
 * How the tests write commands. The core never looks into one, so this need not be the real encoding.
 */

export interface TestChange {
  type: ConfigChangeType;
  nodeID: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function command(text: string, key = 0): Entry {
  return makeEntry({ key, cmd: encoder.encode(text) });
}

export function configChange(change: TestChange): Entry {
  return makeEntry({ type: EntryType.ConfigChangeEntry, cmd: encoder.encode(JSON.stringify(change)) });
}

export function textOf(entry: Entry): string {
  return decoder.decode(entry.cmd);
}

export function changeOf(entry: Entry): TestChange {
  return JSON.parse(textOf(entry)) as TestChange;
}

/** What the initial members of a group begin with: their log's first entries, of term 1. */
export function bootstrapEntries(voters: readonly number[], observers: readonly number[] = []): Entry[] {
  const changes = [
    ...voters.map((nodeID) => ({ type: ConfigChangeType.AddNode, nodeID })),
    ...observers.map((nodeID) => ({ type: ConfigChangeType.AddObserver, nodeID })),
  ];
  return changes.map((change, i) => {
    const entry = configChange(change);
    entry.place(1, i + 1);
    return entry;
  });
}

export function copyMembership(from: Membership): Membership {
  return {
    configChangeID: from.configChangeID,
    addresses: new Map(from.addresses),
    removed: new Map(from.removed),
    observers: new Map(from.observers),
  };
}

/** What the wire does: the receiver never shares an object with the sender. */
export function copyMessage(message: Message): Message {
  return {
    ...message,
    entries: message.entries.map(copyEntry),
    snapshot:
      message.snapshot === undefined
        ? undefined
        : { ...message.snapshot, membership: copyMembership(message.snapshot.membership) },
  };
}

function copyEntry(entry: Entry): Entry {
  const { term, index, type, key, clientID, seriesID, respondedTo, cmd } = entry;
  return new Entry(term, index, type, key, clientID, seriesID, respondedTo, cmd);
}

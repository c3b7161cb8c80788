import {
  ConfigChangeType,
  Entry,
  EntryType,
  type Membership,
  type Message,
  decodeConfigChange,
  encodeConfigChange,
  makeEntry,
} from '@drakkar/raftio';

/*
 * How the tests write commands. The core looks into none but membership changes, which have their real encoding.
 */

export interface TestChange {
  type: ConfigChangeType;
  nodeID: number;
  force?: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function command(text: string, key = 0): Entry {
  return makeEntry({ key, cmd: encoder.encode(text) });
}

export function configChange({ type, nodeID, force }: TestChange): Entry {
  const change = { type, nodeID, configChangeID: 0, address: '', initialize: false, force };
  return makeEntry({ type: EntryType.ConfigChangeEntry, cmd: encodeConfigChange(change) });
}

export function textOf(entry: Entry): string {
  if (entry.type === EntryType.ConfigChangeEntry) return JSON.stringify(changeOf(entry));
  return decoder.decode(entry.cmd);
}

export function changeOf(entry: Entry): TestChange {
  const { type, nodeID } = decodeConfigChange(entry.cmd);
  return { type, nodeID };
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

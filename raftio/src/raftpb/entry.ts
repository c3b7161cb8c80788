import { NO_CHECKSUM } from './checksum.js';
import type { Uint64 } from './uint64.js';

/**
 * An EncodedEntry is an application entry whose payload has another form than the command that was proposed; its
 * first byte says which. Dragonboat knows that type since v3.0, v2.1.7 does not.
 */
export const EntryType = Object.freeze({
  ApplicationEntry: 0,
  ConfigChangeEntry: 1,
  EncodedEntry: 2,
} as const);
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** Session fields with a meaning of their own; any other seriesID numbers a proposal of a registered session. */
export const NOT_SESSION_MANAGED_CLIENT_ID = 0;
export const NOOP_SERIES_ID = 0;
export const FIRST_PROPOSAL_SERIES_ID = 1;
export const REGISTER_SERIES_ID: Uint64 = 0xffff_ffff_ffff_fffen;
export const UNREGISTER_SERIES_ID: Uint64 = 0xffff_ffff_ffff_ffffn;

/** A log entry as plain fields. */
export interface EntryFields {
  term: number;
  index: number;
  type: EntryType;
  /** Matches an applied entry with the proposal that waits for it; opaque to everybody but the proposer. */
  key: Uint64;
  clientID: Uint64;
  seriesID: Uint64;
  respondedTo: Uint64;
  cmd: Uint8Array;
}

/**
 * A log entry. A class, so that all entries share one hidden class and can carry the bytes they were encoded to or
 * decoded from: an entry is encoded once, and the same bytes go to the log, to each follower and to its log.
 *
 * Immutable once it has a place in a log. `place()` is the one way to give it one. `cmd` is made when it is first
 * asked for, because a view of its own for every entry that only passes through would cost more than decoding it:
 * so `{ ...entry }` does not copy it.
 */
export class Entry implements EntryFields {
  term: number;
  index: number;
  type: EntryType;
  key: Uint64;
  clientID: Uint64;
  seriesID: Uint64;
  respondedTo: Uint64;
  /** Owned by the codec: the payload is `cmdSource[cmdStart, cmdEnd)`, whether or not `cmd` was asked for. */
  cmdSource: Uint8Array;
  cmdStart: number;
  cmdEnd: number;
  /** Owned by the codec: `cmd`, once it exists. */
  cmdView: Uint8Array | undefined;
  /**
   * Owned by the codec: `wire[wireStart, wireEnd)` holds this entry as field 11 of a Message, tag and length
   * included. Entries encoded or decoded together lie back to back in the same array, so a run of them is one copy.
   */
  wire: Uint8Array | undefined = undefined;
  wireStart = 0;
  wireEnd = 0;
  /** Owned by the codec: of what does not change once the entry was proposed; 0: none yet. See `checksum.ts`. */
  checksum = 0;

  constructor(
    term: number,
    index: number,
    type: EntryType,
    key: Uint64,
    clientID: Uint64,
    seriesID: Uint64,
    respondedTo: Uint64,
    cmd: Uint8Array,
  ) {
    this.term = term;
    this.index = index;
    this.type = type;
    this.key = key;
    this.clientID = clientID;
    this.seriesID = seriesID;
    this.respondedTo = respondedTo;
    this.cmdSource = cmd;
    this.cmdStart = 0;
    this.cmdEnd = cmd.length;
    this.cmdView = cmd;
  }

  /** The payload. Not to be modified: the log and the messages that carry the entry share its memory. */
  get cmd(): Uint8Array {
    return (this.cmdView ??= this.cmdSource.subarray(this.cmdStart, this.cmdEnd));
  }

  /** Length of the payload in bytes; cheaper than `cmd.length`. */
  get cmdLength(): number {
    return this.cmdEnd - this.cmdStart;
  }

  /** Gives a proposed entry its place in the leader's log. Encoded bytes made before that are forgotten. */
  place(term: number, index: number): void {
    // Of what came with a place, which no proposal has, the checksum may be that of bytes in another form.
    if (this.index !== 0) this.checksum = NO_CHECKSUM;
    this.term = term;
    this.index = index;
    this.wire = undefined;
  }
}

/** An entry from the fields that matter; the others get their zero value. */
export function makeEntry(fields: Partial<EntryFields> = {}): Entry {
  return new Entry(
    fields.term ?? 0,
    fields.index ?? 0,
    fields.type ?? EntryType.ApplicationEntry,
    fields.key ?? 0,
    fields.clientID ?? 0,
    fields.seriesID ?? 0,
    fields.respondedTo ?? 0,
    fields.cmd ?? EMPTY_BYTES,
  );
}

/** Bytes of memory that an entry is accounted for in every bounded queue: its payload and a fixed overhead. */
export const ENTRY_OVERHEAD_BYTES = 128;
export function entrySizeBytes(entry: Entry): number {
  return entry.cmdEnd - entry.cmdStart + ENTRY_OVERHEAD_BYTES;
}

/** Sum of `entrySizeBytes` over `entries[from, to)`, with one call for all of them. */
export function entriesSizeBytes(entries: readonly Entry[], from = 0, to = entries.length): number {
  let total = (to - from) * ENTRY_OVERHEAD_BYTES;
  for (let i = from; i < to; i++) {
    const entry = entries[i] as Entry;
    total += entry.cmdEnd - entry.cmdStart;
  }
  return total;
}

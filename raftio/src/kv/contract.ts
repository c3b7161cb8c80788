/** A stored pair. The bytes belong to the receiver: the store neither changes nor reuses them. */
export interface KVPair {
  key: Uint8Array;
  value: Uint8Array;
}

/** Keys from `start` up to, not including, `end`, in the order of their bytes. */
export interface KVRange {
  start: Uint8Array;
  end: Uint8Array;
  /** Most keys to give; at least 1. */
  limit: number;
}

export interface KVPairRange extends KVRange {
  /** Stop before the pair that would bring the values above this many bytes; the first pair is always given. */
  maxSizeBytes: number;
}

export interface KVPage {
  pairs: KVPair[];
  /** Whether the range holds more than was given. */
  more: boolean;
}

export type KVOp =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: Uint8Array }
  /** Deletes every key from `start` up to, not including, `end`, also those put by earlier operations of the batch. */
  | { readonly type: 'deleteRange'; readonly start: Uint8Array; readonly end: Uint8Array };

/**
 * A small ordered store, all that `KVLogDB` needs for an `ILogDB`. Keys are compared as unsigned bytes and are at
 * most MAX_KEY_SIZE_BYTES long; values may be tens of megabytes.
 *
 * The caller has at most one `write` under way and makes no call after `close`. Reads may overlap each other and a
 * write; a read called after a write has resolved sees all of it. The store need not order anything beyond that.
 */
export interface IOrderedKV {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  getRange(range: KVPairRange): Promise<KVPage>;
  getKeys(range: KVRange): Promise<Uint8Array[]>;
  /** The greatest key that is at least `lowest` and at most `key`. */
  getFloorKey(key: Uint8Array, lowest: Uint8Array): Promise<Uint8Array | undefined>;
  /**
   * Takes the operations in order, all or none, durable when it resolves. After a rejection the caller writes
   * nothing more. Arguments are not modified by the store, nor by the caller before it settles.
   */
  write(ops: readonly KVOp[]): Promise<void>;
  /** Gives the space of deleted keys back, as far as the store can. May be slow; must not block other calls. */
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>;
  /** Releases every file. */
  close(): Promise<void>;
}

/** Length of the longest key that `KVLogDB` stores; a bound of a range may be one byte longer. */
export const MAX_KEY_SIZE_BYTES = 25;

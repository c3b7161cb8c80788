import { type Message, type MessageBatch, MessageType } from '@drakkar/raftio';
import type { Oracle } from '../invariants/oracle.js';
import type { StreamEvent } from '../net/network.js';

/** How often a leader may send an entry to the same follower within a term, while there are faults. */
const MAX_SENDS_PER_ENTRY = 11;
/** The same while there are none. */
const MAX_CALM_SENDS_PER_ENTRY = 6;
/** Snapshot streams to one replica without one that was completed, while there are no faults. */
const MAX_STREAMS_PER_COMPLETED = 12;

/** Counts what is sent against what comes of it: work that is done again and again without end is a failure. */
export class Traffic {
  readonly #oracle: Oracle;
  /** By group, leader and follower: the term, and how often each entry was sent in it. */
  readonly #sends = new Map<string, { term: number; counts: Map<number, number> }>();
  /** By group and replica: streams since the last one that was completed. */
  readonly #streams = new Map<string, number>();
  readonly #started = new Map<string, number>();
  #isCalm = false;
  #largeCommandBytes = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** There are no faults from now on, so that everything is to succeed before long. */
  becomeCalm(): void {
    this.#isCalm = true;
    this.#sends.clear();
    this.#streams.clear();
  }

  sees({ requests }: MessageBatch): void {
    for (const message of requests) {
      if (message.type === MessageType.Replicate && message.entries.length > 0) this.#count(message);
    }
  }

  /** Of all large commands that may have come into logs, each as often as it was proposed. */
  get largeCommandBytes(): number {
    return this.#largeCommandBytes;
  }

  proposesLarge(sizeBytes: number): void {
    this.#largeCommandBytes += sizeBytes;
  }

  /** Streams to the replica that have begun, ever. */
  streamCount(clusterID: number, nodeID: number): number {
    return this.#started.get(`${clusterID}/${nodeID}`) ?? 0;
  }

  streamed({ clusterID, nodeID, phase }: StreamEvent): void {
    const key = `${clusterID}/${nodeID}`;
    if (phase === 'completed') this.#streams.delete(key);
    else this.#started.set(key, (this.#started.get(key) ?? 0) + 1);
    if (phase !== 'started' || !this.#isCalm) return;
    const value = (this.#streams.get(key) ?? 0) + 1;
    this.#streams.set(key, value);
    const what = `snapshot streams to node ${nodeID} of group ${clusterID}, none completed`;
    this.#oracle.see('gauge', { what, value, bound: MAX_STREAMS_PER_COMPLETED });
  }

  #count({ clusterID, from, to, term, entries }: Message): void {
    const key = `${clusterID}/${from}>${to}`;
    let sends = this.#sends.get(key);
    const bound = this.#isCalm ? MAX_CALM_SENDS_PER_ENTRY : MAX_SENDS_PER_ENTRY;
    if (sends?.term !== term) this.#sends.set(key, (sends = { term, counts: new Map() }));
    for (const { index } of entries) {
      const value = (sends.counts.get(index) ?? 0) + 1;
      sends.counts.set(index, value);
      if (value <= bound) continue;
      const what = `entry ${index} of group ${clusterID} sent by node ${from} to node ${to} in term ${term}`;
      this.#oracle.see('gauge', { what, value, bound });
    }
  }
}

import type { Message, MessageBatch } from '@drakkar/raftio';
import type { Coverage } from '../world/coverage.js';
import type { Dice } from '../world/dice.js';
import type { Life } from '../world/life.js';
import type { Scheduler } from '../world/scheduler.js';
import type { Trace } from '../world/trace.js';
import type { Channel } from './channel.js';

/** Who can be connected to. */
export interface Listener {
  readonly life: Life;
  /** Takes one encoded batch. */
  receive(bytes: Uint8Array): void;
  /** Opens a stream of chunks. */
  openStream(channel: Channel): ChunkTaker;
  /** A connection to it was made. */
  attach(channel: Channel): void;
}

export interface ChunkTaker {
  take(bytes: Uint8Array): Promise<boolean>;
  close(): void;
}

/** A stream of a snapshot to a replica: its first chunk is sent, or the receiver has taken all of it. */
export interface StreamEvent {
  clusterID: number;
  /** The receiver. */
  nodeID: number;
  phase: 'started' | 'completed';
}

/** How bad a network is by itself, apart from events. */
export interface NetworkQuality {
  lossRate: number;
  spikeRate: number;
  spikeMs: number;
  latencyMs: number;
}

/** How many bytes a connection takes in a millisecond, by what it carries. */
export interface LinkRates {
  messageBytesPerMs: number;
  streamBytesPerMs: number;
  /** The connections of one host to another take turns, in pieces; otherwise each has a link of its own. */
  isShared?: boolean;
}

const KIND: NetworkQuality = { lossRate: 0, spikeRate: 0, spikeMs: 0, latencyMs: 1 };
const MIN_LATENCY_MS = 0.05;
const SLOW_LINK_BYTES_PER_MS = 40;
/** What another connection sends before it is this one's turn. */
export const TURN_BYTES = 16 * 1024;
const STREAM_CUT_CHANCE = 0.6;

/** How the network names the way from one host to another. */
export const wayOf = (from: string, to: string): string => `${from}>${to}`;

/** The network between the hosts: who listens where, and what comes through. */
export class Network {
  readonly listeners = new Map<string, Listener>();
  readonly channels = new Set<Channel>();
  quality: NetworkQuality = KIND;
  /** Of the network itself: they stay when the faults are over. */
  links: LinkRates | undefined;
  /** Sees each batch as it leaves its host. */
  onBatch: ((batch: MessageBatch) => void)[] = [];
  /** Says of a message that is leaving its host whether it is lost; `undefined`: none is. */
  swallows: ((message: Message) => boolean) | undefined;
  /** Sees snapshot streams. */
  onStream: (event: StreamEvent) => void = () => undefined;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly #dice: Dice;
  /** Ways on which nothing comes through, as `from>to`. */
  readonly #blocked = new Set<string>();
  readonly #slow = new Set<string>();
  /** Size above which a message is lost on a way, by `from>to`. */
  readonly #sizeLimits = new Map<string, number>();
  #streamCuts = 0;

  constructor(scheduler: Scheduler, trace: Trace, coverage: Coverage, dice: Dice) {
    this.scheduler = scheduler;
    this.trace = trace;
    this.coverage = coverage;
    this.#dice = dice;
  }

  block(from: string, to: string): void {
    this.#blocked.add(wayOf(from, to));
  }

  isBlocked(from: string, to: string): boolean {
    return this.isWayBlocked(wayOf(from, to));
  }

  isWayBlocked(way: string): boolean {
    return this.#blocked.size > 0 && this.#blocked.has(way);
  }

  /** Messages of more bytes are lost on that way, and nobody hears of it. */
  losesLarge(from: string, to: string, limitBytes: number): void {
    this.#sizeLimits.set(wayOf(from, to), limitBytes);
  }

  /** Undefined: all sizes pass. */
  sizeLimit(from: string, to: string): number | undefined {
    return this.#sizeLimits.size === 0 ? undefined : this.#sizeLimits.get(wayOf(from, to));
  }

  slowDown(from: string, to: string): void {
    this.#slow.add(wayOf(from, to));
  }

  /** One of the next streams of chunks ends in its middle. */
  cutNextStream(): void {
    this.#streamCuts += 1;
  }

  /** Asked for each chunk: whether its stream ends here. */
  cutsStream(): boolean {
    if (this.#streamCuts === 0 || !this.#dice.chance(STREAM_CUT_CHANCE)) return false;
    this.#streamCuts -= 1;
    this.coverage.count('snapshot stream cut');
    return true;
  }

  /** Every way is open again. */
  heal(): void {
    this.#blocked.clear();
    this.#sizeLimits.clear();
  }

  speedUp(): void {
    this.#slow.clear();
  }

  becomeKind(): void {
    this.heal();
    this.speedUp();
    this.#streamCuts = 0;
    this.quality = KIND;
  }

  /** Time on the way for so many bytes. */
  delayMs(way: string, sizeBytes: number): number {
    const { latencyMs, spikeRate, spikeMs } = this.quality;
    let delayMs = this.#dice.skewed(MIN_LATENCY_MS, latencyMs);
    if (spikeRate > 0 && this.#dice.chance(spikeRate)) {
      delayMs += this.#dice.fraction() * spikeMs;
      this.coverage.count('message delayed');
    }
    if (this.#slow.size > 0 && this.#slow.has(way)) delayMs += 5 + sizeBytes / SLOW_LINK_BYTES_PER_MS;
    return delayMs;
  }

  /**
   * Time that a connection needs to put so many bytes on the way.
   *
   * @param waits whether they do not fit into the turn that the connection has already
   */
  transmissionMs(channel: Channel, sizeBytes: number, waits: boolean): number {
    if (this.links === undefined) return 0;
    const { streamBytesPerMs, messageBytesPerMs, isShared = false } = this.links;
    const bytesPerMs = channel.isStream ? streamBytesPerMs : messageBytesPerMs;
    const turnBytes = isShared && waits ? TURN_BYTES * this.#busyBeside(channel) : 0;
    return (sizeBytes + turnBytes) / bytesPerMs;
  }

  /** Other connections on the same way that have something to send. */
  #busyBeside(channel: Channel): number {
    const { from, to } = channel.ends;
    let count = 0;
    for (const other of this.channels) {
      if (other !== channel && other.isSending && other.ends.from === from && other.ends.to === to)
        count += 1;
    }
    return count;
  }

  /** Whether a batch is lost though its connection lives on. */
  loses(): boolean {
    const { lossRate } = this.quality;
    if (lossRate === 0 || !this.#dice.chance(lossRate)) return false;
    this.coverage.count('message lost');
    return true;
  }

  /** How long a connection waits on a blocked way before it breaks. */
  patienceMs(): number {
    return this.#dice.skewed(100, 4_000);
  }

  /** A pause before something is tried again on a blocked way. */
  retryMs(): number {
    return 20 + this.#dice.int(40);
  }
}

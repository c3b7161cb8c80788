import type { Message } from '@drakkar/raftio';
import { Lane, type LaneDependencies, type PeerOptions } from './lane.js';
import type { Timer } from '../runtime/clock.js';
import { messageSizeBytes } from '../runtime/message-size.js';
import { isUrgent } from './urgent.js';

export { type Loss, NEVER_SENT, type PeerOptions } from './lane.js';

export interface PeerDependencies extends LaneDependencies {
  /** Whether the host is known to be one that a second connection is of use to. */
  mayAddLane: (target: string) => boolean;
}

/** A batch of this size holds up what comes behind it: on a link of 10 Mbit/s for 50 ms. */
const LARGE_BATCH_BYTES = 64 * 1024;

/** From this size on a message takes its group to a connection for large ones. */
const LARGE_MESSAGE_BYTES = 256 * 1024;

/**
 * A group takes itself there as well with smaller ones, of this size and more, that come to as much before the first
 * connection has sent what it has: so many at a time hold up others like one that is large.
 */
const NOTED_MESSAGE_BYTES = 16 * 1024;

/** For so long what is sent waits for a further connection to be made; then it goes over the first one. */
const MAX_WAIT_MS = 250;

/**
 * The way to one other host. Once a large batch has been sent to it, urgent messages get a connection of their own, so
 * that none waits behind what the first one, and the buffers of the network, have still to carry. While that connection
 * is not up, and with a host of another kind, they go first in the queue of the only one. Groups that send large messages
 * have a third connection, so that those do not hold up other groups. Where no further connection can be made, the first
 * one carries everything.
 */
export class Peer {
  readonly target: string;
  readonly #options: PeerOptions;
  readonly #deps: PeerDependencies;
  readonly #main: Lane;
  #urgent: Lane | undefined;
  #large: Lane | undefined;
  /**
   * Groups that have sent something large, and stay with the connection for that: between connections there is no
   * order, and what overtakes entries is refused and sent again.
   */
  readonly #largeGroups = new Set<number>();
  /** By group: bytes of messages worth noting since the first connection sent its last batch. */
  readonly #noted = new Map<number, number>();
  #isLargeUsed = false;
  /** Ends the wait for a connection that is being made for the first time. */
  readonly #waits = new Map<Lane, Timer>();
  #stopped = false;

  constructor(target: string, options: PeerOptions, deps: PeerDependencies) {
    this.target = target;
    this.#options = options;
    this.#deps = deps;
    this.#main = new Lane(target, options, deps);
    this.#main.onBatch = (sizeBytes) => {
      this.#noted.clear();
      if (sizeBytes >= LARGE_BATCH_BYTES) this.#addLane();
    };
  }

  /** Queues a message; it leaves with the next `flush`. */
  push(message: Message): void {
    this.#laneFor(message).push(message);
  }

  /** Has a batch sent with the next `flush`, if need be one without messages: it says who we are, and what we know. */
  greet(): void {
    this.#main.greet();
  }

  /** Whether nothing is queued, on its way, or being set up; connections may be open. */
  get isAtRest(): boolean {
    return this.#main.isAtRest && this.#urgent?.isAtRest !== false && this.#large?.isAtRest !== false;
  }

  /** Called once per engine cycle: everything queued goes out as one batch for each connection. */
  flush(): void {
    this.#urgent?.flush();
    this.#main.flush();
    this.#large?.flush();
  }

  /**
   * Something has arrived from this host.
   *
   * @returns whether it was away, and is tried again for that reason
   */
  heardFrom(): boolean {
    this.#urgent?.heardFrom();
    this.#large?.heardFrom();
    return this.#main.heardFrom();
  }

  /** The group does not run here any more. */
  forget(clusterID: number): void {
    this.#largeGroups.delete(clusterID);
  }

  /** Called now and then: a connection for large messages that was not used since the last call is closed. */
  releaseIdle(): void {
    const lane = this.#large;
    if (lane === undefined) return;
    if (!this.#isLargeUsed && lane.isAtRest) {
      this.#large = undefined;
      this.#largeGroups.clear();
      lane.stop();
    }
    this.#isLargeUsed = false;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#waits.values()) timer.cancel();
    this.#urgent?.stop();
    this.#large?.stop();
    this.#main.stop();
  }

  #laneFor(message: Message): Lane {
    if (isUrgent(message)) return this.#urgent?.isUp === true ? this.#urgent : this.#main;
    const isOfLargeGroup = this.#largeGroups.has(message.clusterID);
    if (!isOfLargeGroup && !this.#isLarge(message)) return this.#main;
    if (this.#stopped || !this.#deps.mayAddLane(this.target)) return this.#main;
    this.#large ??= this.#makeLargeLane();
    const isUsable = this.#large.isUp || this.#waits.has(this.#large);
    if (!isUsable) {
      this.#large.greet(); // for the next ones
      return this.#main;
    }
    this.#largeGroups.add(message.clusterID);
    this.#isLargeUsed = true;
    return this.#large;
  }

  /** Whether it holds up others, by itself or with what its group has given just before. */
  #isLarge(message: Message): boolean {
    if (message.entries.length === 0) return false;
    const sizeBytes = messageSizeBytes(message);
    if (sizeBytes < NOTED_MESSAGE_BYTES) return false;
    const notedBytes = (this.#noted.get(message.clusterID) ?? 0) + sizeBytes;
    this.#noted.set(message.clusterID, notedBytes);
    return notedBytes >= LARGE_MESSAGE_BYTES;
  }

  /** Called once, when the lane is made: `end` is called when its first attempt has settled, or has taken too long. */
  #waitFor(lane: Lane, end: () => void): void {
    const finish = (): void => {
      const timer = this.#waits.get(lane);
      if (timer === undefined) return;
      timer.cancel();
      this.#waits.delete(lane);
      end();
    };
    this.#waits.set(lane, this.#deps.clock.setTimeout(finish, MAX_WAIT_MS));
    lane.onSettled = finish;
  }

  #makeLargeLane(): Lane {
    const lane = this.#makeLane();
    this.#waitFor(lane, () => {
      if (lane.isUp) return;
      for (const message of lane.takeWaiting()) this.#main.push(message);
      this.#main.flush();
    });
    return lane;
  }

  /** A further connection. What there is to say of the host is said by the first one. */
  #makeLane(): Lane {
    const lane = new Lane(this.target, this.#options, {
      ...this.#deps,
      onConnected: () => undefined,
      onDisconnected: () => undefined,
    });
    lane.onBatch = (sizeBytes) => {
      if (sizeBytes >= LARGE_BATCH_BYTES) this.#addLane();
    };
    return lane;
  }

  /** Opens the connection for urgent messages, again if it has ended; the pauses of a lane hold here too. */
  #addLane(): void {
    if (this.#stopped || this.#urgent?.isUp === true || !this.#deps.mayAddLane(this.target)) return;
    this.#urgent ??= this.#makeUrgentLane();
    this.#urgent.greet();
    this.#urgent.flush();
  }

  /** What is large waits for the first attempt at it, lest it be that which the attempt waits for. */
  #makeUrgentLane(): Lane {
    const lane = this.#makeLane();
    lane.onBatch = () => undefined;
    this.#hold(true);
    this.#waitFor(lane, () => {
      this.#hold(false);
      lane.onSettled = () => this.#moveUrgentTo(lane);
      this.#moveUrgentTo(lane);
      this.#main.flush();
      this.#large?.flush();
    });
    return lane;
  }

  #hold(isHeld: boolean): void {
    this.#main.isHeld = isHeld;
    if (this.#large !== undefined) this.#large.isHeld = isHeld;
  }

  #moveUrgentTo(lane: Lane): void {
    if (!lane.isUp) return;
    for (const message of this.#main.takeUrgent()) lane.push(message);
    lane.flush();
  }
}

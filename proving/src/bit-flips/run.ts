import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@drakkar/framework';
import { type Flip, describeFlip } from './flipper.js';
import { CLUSTER, Group, type Member } from './group.js';
import type { Protocol } from './regions.js';
import { Ledger, makeCommand } from './workload.js';

export interface BitFlipsOptions {
  flips: number;
  seed: number;
  dir: string;
  /** As in a host's configuration. */
  transport: string;
  protocol: Protocol;
  signal?: AbortSignal;
  onProgress?: (done: number) => void;
}

export interface BitFlipsReport {
  flips: readonly Flip[];
  acknowledged: number;
  damagedChunks: number;
  terms: number;
  connectionsFailed: number;
  failedWithoutReason: number;
  /** What must not have happened. */
  faults: string[];
}

const CLIENTS = 4;
const LOOK_MS = 100;
const AWAY_EVERY_MS = 4_000;
const AWAY_MS = 700;
/** A group in which nothing moves for so long, with nothing in its way, does not go on. */
const CALM_MS = 20_000;
/** Elections that a flip may be the cause of, and more than there ever are; what a term of a flipped bit exceeds. */
const TERMS_PER_FLIP = 4;

/** Flips one bit on each connection of a group under load, until there were enough; then looks at what has come of it. */
export async function flipBits(options: BitFlipsOptions): Promise<BitFlipsReport> {
  const random = new SeededRandom(options.seed);
  const group = await Group.start({ ...options, random });
  const ledger = new Ledger();
  const running = new AbortController();
  try {
    const clients = Array.from({ length: CLIENTS }, () => write(group, ledger, random, running.signal));
    await flipUntilEnough(group, options, random);
    running.abort();
    await Promise.all(clients);
    const stuck = await settle(group, ledger, random);
    return reportOn(group, ledger, options.flips, stuck);
  } finally {
    running.abort();
    await group.stop();
  }
}

/** A client: one command after the other, at any host. None is tried again, so none may be applied twice. */
async function write(group: Group, ledger: Ledger, random: SeededRandom, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { host } = group.members[random.nextInt(group.members.length)] as Member;
    await propose(host, ledger, random);
    await delay(2);
  }
}

async function propose(host: Member['host'], ledger: Ledger, random: SeededRandom): Promise<boolean> {
  const id = ledger.proposed++;
  try {
    await host.syncPropose(host.getNoOPSession(CLUSTER), makeCommand(id, random), { timeoutMs: 1_000 });
    ledger.acknowledged.add(id);
    return true;
  } catch {
    return false;
  }
}

function doneOf(group: Group): Flip[] {
  return group.members.flatMap(({ flipper }) =>
    flipper.flips.filter(({ outcome }) => outcome !== 'pending' && outcome !== 'lost'),
  );
}

async function flipUntilEnough(group: Group, options: BitFlipsOptions, random: SeededRandom): Promise<void> {
  for (const { flipper } of group.members) flipper.armed = true;
  let awayAtMs = performance.now() + AWAY_EVERY_MS;
  for (;;) {
    const done = doneOf(group).length;
    options.onProgress?.(done);
    if (done >= options.flips) break;
    options.signal?.throwIfAborted();
    await delay(LOOK_MS);
    if (performance.now() < awayAtMs) continue;
    // A host that was away needs a snapshot, so that chunks are on their way too.
    const { flipper } = group.members[random.nextInt(group.members.length)] as Member;
    flipper.isCut = true;
    flipper.cut();
    await delay(AWAY_MS);
    flipper.isCut = false;
    awayAtMs = performance.now() + AWAY_EVERY_MS;
  }
  for (const { flipper } of group.members) flipper.armed = false;
}

/** Ends when nothing that `look` gives has changed for a while. */
class Calm {
  readonly #look: () => number;
  #seen = -1;
  #sinceMs = performance.now();

  constructor(look: () => number) {
    this.#look = look;
  }

  get isOver(): boolean {
    const seen = this.#look();
    if (seen !== this.#seen) this.#sinceMs = performance.now();
    this.#seen = seen;
    return performance.now() - this.#sinceMs > CALM_MS;
  }
}

/**
 * Waits until nothing is pending, each host has written once, and all have applied the same number of commands; for as
 * long as something moves.
 *
 * @returns what is wrong when they do not
 */
async function settle(group: Group, ledger: Ledger, random: SeededRandom): Promise<string[]> {
  while (group.members.some(({ flipper }) => flipper.flips.some(({ outcome }) => outcome === 'pending'))) {
    await delay(LOOK_MS);
  }
  const counts = (): number[] => group.members.map(({ machine }) => machine.ids.length);
  const calm = new Calm(() => counts().reduce((sum, count) => sum + count));
  const faults: string[] = [];
  for (const { host, nodeID } of group.members) {
    let isDone = false;
    while (!isDone && !calm.isOver) {
      isDone = await propose(host, ledger, random);
      if (!isDone) await delay(LOOK_MS);
    }
    if (!isDone) faults.push(`host ${nodeID} cannot write although nothing is flipped any more`);
  }
  while (new Set(counts()).size > 1 && !calm.isOver) await delay(LOOK_MS);
  if (new Set(counts()).size > 1) faults.push('the replicas do not catch up');
  if (faults.length > 0) faults.push(...group.members.map((member) => group.describe(member)));
  return faults;
}

function reportOn(group: Group, ledger: Ledger, wanted: number, stuck: readonly string[]): BitFlipsReport {
  const [first] = group.members as [Member];
  const flips = doneOf(group);
  const faults = [...stuck];
  for (const { nodeID, machine } of group.members)
    faults.push(...ledger.faultsOf(`replica ${nodeID}`, machine, first.machine));
  for (const error of group.replicasFailed) faults.push(`a replica failed: ${String(error)}`);
  for (const [term, leaders] of group.leaders) {
    if (leaders.size > 1) faults.push(`nodes ${[...leaders].join(', ')} led in term ${term}`);
  }
  const terms = Math.max(0, ...group.leaders.keys());
  if (terms > 100 + wanted * TERMS_PER_FLIP) faults.push(`the term has risen to ${terms}`);
  const counted = flips.filter(({ outcome }) => outcome === 'counted').length;
  if (group.damaged !== counted)
    faults.push(`${group.damaged} damaged parts were counted, ${counted} were flipped`);
  const unseen = flips.filter(({ outcome }) => outcome === 'open');
  for (const flip of unseen) faults.push(`a flip was not seen: ${describeFlip(flip)}`);
  return {
    flips,
    acknowledged: ledger.acknowledged.size,
    damagedChunks: group.damagedChunks,
    terms,
    connectionsFailed: group.connectionsFailed,
    failedWithoutReason: group.failedWithoutReason,
    faults,
  };
}

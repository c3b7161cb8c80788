import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@drakkar/framework';
import type { Flip } from './flipper.js';
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
const CALM_MS = 60_000;
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
    await settle(group, ledger, random);
    return reportOn(group, ledger, options.flips);
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
    // Whoever was away needs a snapshot, so that chunks are on their way too.
    const { flipper } = group.members[random.nextInt(group.members.length)] as Member;
    flipper.isCut = true;
    flipper.cut();
    await delay(AWAY_MS);
    flipper.isCut = false;
    awayAtMs = performance.now() + AWAY_EVERY_MS;
  }
  for (const { flipper } of group.members) flipper.armed = false;
}

/** Waits until nothing is pending, each host has written once, and all have applied the same number of commands. */
async function settle(group: Group, ledger: Ledger, random: SeededRandom): Promise<void> {
  const endMs = performance.now() + CALM_MS;
  const isLate = (): boolean => performance.now() > endMs;
  while (group.members.some(({ flipper }) => flipper.flips.some(({ outcome }) => outcome === 'pending'))) {
    await delay(LOOK_MS);
  }
  for (const { host } of group.members) {
    while (!(await propose(host, ledger, random)) && !isLate()) await delay(LOOK_MS);
  }
  const counts = (): Set<number> => new Set(group.members.map(({ machine }) => machine.ids.length));
  while (counts().size > 1 && !isLate()) await delay(LOOK_MS);
}

function reportOn(group: Group, ledger: Ledger, wanted: number): BitFlipsReport {
  const [first] = group.members as [Member];
  const flips = doneOf(group);
  const faults = group.members.flatMap(({ nodeID, machine }) =>
    ledger.faultsOf(`replica ${nodeID}`, machine, first.machine),
  );
  for (const error of group.replicasFailed) faults.push(`a replica failed: ${String(error)}`);
  for (const [term, leaders] of group.leaders) {
    if (leaders.size > 1) faults.push(`nodes ${[...leaders].join(', ')} led in term ${term}`);
  }
  const terms = Math.max(0, ...group.leaders.keys());
  if (terms > 100 + wanted * TERMS_PER_FLIP) faults.push(`the term has risen to ${terms}`);
  const counted = flips.filter(({ outcome }) => outcome === 'counted').length;
  if (group.damaged !== counted)
    faults.push(`${group.damaged} damaged parts were counted, ${counted} were flipped`);
  const unseen = flips.filter(({ region, outcome }) => region === 'content' && outcome === 'open');
  if (unseen.length > 0) faults.push(`${unseen.length} flips in batches and chunks were not seen`);
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

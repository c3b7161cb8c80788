import { setTimeout as delay } from 'node:timers/promises';
import type { IdleCommands, Usage } from './commands.js';
import { type PlanOptions, type Spawned, killNodes, spawnNodes } from '@drakkar/proving';

export interface IdleOptions extends PlanOptions {
  groups: number;
  /** Length of the measurement. */
  idleMs: number;
  nodeScript: string;
}

export interface IdleResult {
  /** Of all processes together, in percent of one core. */
  cpuPercent: number;
  /** Growth of resident memory since before the groups, per group and process. */
  rssPerGroupBytes: number;
  /** Of all processes together. */
  rssBytes: number;
  startMs: number;
  /** From the last write to when every replica slept. */
  quietMs: number;
  /** Replicas that slept when the measurement was over; all, if nothing woke them. */
  asleepAfter: number;
}

const START_TIMEOUT_MS = 600_000;
const QUIET_TIMEOUT_MS = 120_000;
const CALL_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 500;
/** What asking for the state of all groups has left to be tidied up is not the groups' doing. */
const SETTLE_MS = 5_000;

type Node = Spawned<IdleCommands>;

/** Runs many groups, waits until all sleep, and measures what that costs. */
export async function measureIdleGroups(
  options: IdleOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<IdleResult> {
  const { groups, idleMs } = options;
  const nodes = await spawnNodes<IdleCommands>(options);
  try {
    const before = await usageOf(nodes);
    const startedAt = performance.now();
    await Promise.all(nodes.map(({ process }) => process.call('startGroups', { groups }, START_TIMEOUT_MS)));
    await until(nodes, signal, say, ({ led }) => led === groups);
    const startMs = performance.now() - startedAt;
    say(`${groups} groups run and have a leader after ${(startMs / 1000).toFixed(1)} s`);
    let written = 0;
    while (written < groups) {
      signal.throwIfAborted();
      const counts = nodes.map(({ process }) => process.call('writeOnce', null, START_TIMEOUT_MS));
      written = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    }
    const wroteAt = performance.now();
    await until(nodes, signal, say, ({ asleep }) => asleep === groups);
    const quietMs = performance.now() - wroteAt;
    say(`all asleep ${(quietMs / 1000).toFixed(1)} s after the last write; idle for ${idleMs / 1000} s`);
    await Promise.all(nodes.map(({ process }) => process.call('collect', null, CALL_TIMEOUT_MS)));
    await delay(SETTLE_MS, undefined, { signal });
    const measuredAt = performance.now();
    const from = await usageOf(nodes);
    await delay(idleMs, undefined, { signal });
    const to = await usageOf(nodes);
    const spentMs = performance.now() - measuredAt;
    const after = await Promise.all(nodes.map(({ process }) => process.call('count', null, CALL_TIMEOUT_MS)));
    const sum = (usages: readonly Usage[], key: keyof Usage): number =>
      usages.reduce((total, usage) => total + usage[key], 0);
    const cpuMicros = sum(to, 'cpuMicros') - sum(from, 'cpuMicros');
    const result = {
      cpuPercent: (cpuMicros / 1000 / spentMs) * 100,
      rssPerGroupBytes: (sum(to, 'rssBytes') - sum(before, 'rssBytes')) / groups / nodes.length,
      rssBytes: sum(to, 'rssBytes'),
      startMs,
      quietMs,
      asleepAfter: after.reduce((total, { asleep }) => total + asleep, 0),
    };
    await Promise.all(nodes.map(({ process }) => process.shutDown('shutdown', CALL_TIMEOUT_MS)));
    return result;
  } finally {
    await killNodes(nodes);
  }
}

async function usageOf(nodes: readonly Node[]): Promise<Usage[]> {
  return await Promise.all(nodes.map(({ process }) => process.call('usage', null, CALL_TIMEOUT_MS)));
}

async function until(
  nodes: readonly Node[],
  signal: AbortSignal,
  say: (line: string) => void,
  holds: (count: { led: number; asleep: number }) => boolean,
): Promise<void> {
  const endMs = performance.now() + QUIET_TIMEOUT_MS;
  for (let look = 1; ; look += 1) {
    const counts = await Promise.all(
      nodes.map(({ process }) => process.call('count', null, CALL_TIMEOUT_MS)),
    );
    if (counts.every(holds)) return;
    const told = counts.map(({ led, asleep }) => `${led} with a leader, ${asleep} asleep`).join('; ');
    if (performance.now() > endMs) throw new Error(`not within ${QUIET_TIMEOUT_MS} ms: ${told}`);
    if (look % 10 === 0) say(told);
    await delay(POLL_INTERVAL_MS, undefined, { signal });
  }
}

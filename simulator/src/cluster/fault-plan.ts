import type { Dice } from '../world/dice.js';
import type { Scenario } from './scenario.js';

const FAULT_KINDS = [
  'power failure',
  'kill',
  'crash in a call',
  'crash in a sync',
  'clean stop',
  'pause',
  'partition full',
  'partition one way',
  'partition partial',
  'isolate leader',
  'heal',
  'slow link',
  'cut connection',
  'cut stream',
  'disk stall',
  'disk slow',
  'disk full',
  'write error',
  'sync error',
  'flip in log',
  'flip in snapshot',
  'wipe disk',
  'leader transfer',
  'request snapshot',
  'request compaction',
  'export snapshot',
] as const;

/** Faults of seeds with an extension, and how long the pauses between them are, against those between others. */
const EXTENSION_FAULTS = [
  { kind: 'restart replica', extension: 'replica-restarts', pauses: 3 },
  { kind: 'forge message', extension: 'hostile-messages', pauses: 0.5 },
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number] | (typeof EXTENSION_FAULTS)[number]['kind'];

/** Something that will go wrong. `choice` decides on whom it hits and how hard, by what is there at that time. */
export interface Fault {
  atMs: number;
  kind: FaultKind;
  choice: number;
}

/** How often a kind is chosen, against others. */
const WEIGHTS: Readonly<Record<(typeof FAULT_KINDS)[number], number>> = {
  'power failure': 6,
  kill: 3,
  'crash in a call': 6,
  'crash in a sync': 6,
  'clean stop': 4,
  pause: 5,
  'partition full': 4,
  'partition one way': 3,
  'partition partial': 4,
  'isolate leader': 4,
  heal: 4,
  'slow link': 3,
  'cut connection': 4,
  'cut stream': 6,
  'disk stall': 4,
  'disk slow': 3,
  'disk full': 2,
  'write error': 2,
  'sync error': 2,
  'flip in log': 1,
  'flip in snapshot': 1,
  'wipe disk': 1,
  'leader transfer': 6,
  'request snapshot': 4,
  'request compaction': 3,
  'export snapshot': 3,
};

/** The faults of a seed. Any part of it is a plan too, which is how a failing one is made smaller. */
export function makeFaultPlan(scenario: Scenario, dice: Dice): Fault[] {
  const { safetyMs, faultPauseMs } = scenario;
  // Each seed leans to some kinds, so that they meet more often.
  const weights = FAULT_KINDS.map((kind) => WEIGHTS[kind] * dice.pick([0, 1, 1, 3]));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const faults: Fault[] = [];
  for (let atMs = dice.int(2_000); total > 0 && atMs < safetyMs; atMs += dice.int(2 * faultPauseMs)) {
    let left = dice.int(total);
    const kind = FAULT_KINDS.find((_, i) => (left -= weights[i] ?? 0) < 0) ?? 'heal';
    faults.push({ atMs, kind, choice: dice.int(0x4000_0000) });
  }
  for (const { kind, extension, pauses } of EXTENSION_FAULTS) {
    if (scenario.extensions.includes(extension))
      faults.push(...steadyFaults(kind, pauses * faultPauseMs, safetyMs, dice.fork(kind)));
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** Drawn by themselves, so that the others are the same with and without. */
function steadyFaults(kind: FaultKind, pauseMs: number, untilMs: number, dice: Dice): Fault[] {
  const faults: Fault[] = [];
  for (let atMs = dice.int(pauseMs); atMs < untilMs; atMs += dice.int(2 * pauseMs)) {
    faults.push({ atMs, kind, choice: dice.int(0x4000_0000) });
  }
  return faults;
}

export const formatFault = ({ atMs, kind }: Fault): string => `${(atMs / 1_000).toFixed(3)} s ${kind}`;

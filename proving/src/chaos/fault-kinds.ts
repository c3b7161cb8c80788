/** Faults of processes and disks, one at a time. */
export const PROCESS_FAULTS = [
  'kill',
  'pause',
  'disk full',
  'restart',
  'wipe',
  'crowded disks',
  'slow saves',
] as const;
/** Faults of the network, one at a time, beside those of processes. */
export const NETWORK_FAULTS = [
  'partition',
  'one-way',
  'partial',
  'loss',
  'delay',
  'cut',
  'narrow',
  'misdirected',
] as const;
/** What operators do, in spite of it all. */
export const OPERATOR_ACTIONS = ['transfer', 'snapshot', 'move', 'replace', 'bulk'] as const;

export type FaultKind =
  (typeof PROCESS_FAULTS)[number] | (typeof NETWORK_FAULTS)[number] | (typeof OPERATOR_ACTIONS)[number];

export const FAULT_KINDS: readonly FaultKind[] = [...PROCESS_FAULTS, ...NETWORK_FAULTS, ...OPERATOR_ACTIONS];

export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  return Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as FaultCounts;
}

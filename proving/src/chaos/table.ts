import { FAULT_KINDS, type FaultCounts, type FaultKind, noFaults } from './fault-kinds.js';
import type { RoundResult } from './round.js';

/** What all rounds of a pair came to. */
export interface PairFigures {
  pair: string;
  rounds: number;
  roundsWithTLS: number;
  faults: FaultCounts;
  killed: number;
  fullDisksMet: number;
  snapshotsTaken: number;
  snapshotsInstalled: number;
  batchesLost: number;
  aborts: number;
  acknowledged: number;
  unknown: number;
  reads: number;
  checked: number;
  violations: number;
  stuck: number;
  longestPauseMs: number;
  unexplainedPauseMs: number;
  misdirected: number;
  largeCommands: number;
  refusedAtOnce: number;
  dials: number;
  passedBytes: number;
  logLines: number;
  openFiles: number;
  residentBytes: number;
}

const SUMS = [
  'killed',
  'fullDisksMet',
  'snapshotsTaken',
  'snapshotsInstalled',
  'batchesLost',
  'aborts',
  'acknowledged',
  'unknown',
  'reads',
  'checked',
  'misdirected',
  'largeCommands',
  'refusedAtOnce',
  'dials',
  'passedBytes',
  'logLines',
] as const;
/** Of all rounds the largest. */
const MAXIMA = ['longestPauseMs', 'unexplainedPauseMs', 'openFiles', 'residentBytes'] as const;

export function emptyFigures(pair: string): PairFigures {
  return {
    pair,
    rounds: 0,
    roundsWithTLS: 0,
    faults: noFaults(),
    killed: 0,
    fullDisksMet: 0,
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
    batchesLost: 0,
    aborts: 0,
    acknowledged: 0,
    unknown: 0,
    reads: 0,
    checked: 0,
    violations: 0,
    stuck: 0,
    longestPauseMs: 0,
    unexplainedPauseMs: 0,
    misdirected: 0,
    largeCommands: 0,
    refusedAtOnce: 0,
    dials: 0,
    passedBytes: 0,
    logLines: 0,
    openFiles: 0,
    residentBytes: 0,
  };
}

export function addRound(figures: PairFigures, tls: boolean, result: RoundResult): void {
  figures.rounds += 1;
  figures.roundsWithTLS += Number(tls);
  for (const kind of FAULT_KINDS) figures.faults[kind] += result.faults[kind];
  for (const name of SUMS) figures[name] += result[name];
  figures.violations += result.violations.length;
  figures.stuck += result.stuck.length;
  for (const name of MAXIMA) figures[name] = Math.max(figures[name], result[name]);
}

/** Kinds of fault that no round had. */
export function missingFaults(figures: readonly PairFigures[]): FaultKind[] {
  return FAULT_KINDS.filter((kind) => figures.every(({ faults }) => faults[kind] === 0));
}

const MIB = 1024 * 1024;

const perThousandAnswers =
  (name: 'dials' | 'logLines' | 'passedBytes') =>
  (figures: PairFigures): number =>
    Math.round((figures[name] * 1_000) / Math.max(1, figures.acknowledged + figures.reads));

const ROWS: readonly [name: string, value: (figures: PairFigures) => number][] = [
  ['rounds', ({ rounds }) => rounds],
  ['of them with TLS', ({ roundsWithTLS }) => roundsWithTLS],
  ['kill -9, times', ({ faults }) => faults.kill],
  ['kill -9, hosts', ({ killed }) => killed],
  ['SIGSTOP', ({ faults }) => faults.pause],
  ['partitions, full', ({ faults }) => faults.partition],
  ['partitions, one-way', ({ faults }) => faults['one-way']],
  ['partitions, partial', ({ faults }) => faults.partial],
  ['losses', ({ faults }) => faults.loss],
  ['batches lost', ({ batchesLost }) => batchesLost],
  ['delays', ({ faults }) => faults.delay],
  ['cut connections', ({ faults }) => faults.cut],
  ['disks filled', ({ faults }) => faults['disk full']],
  ['LogDBs that stopped for it', ({ fullDisksMet }) => fullDisksMet],
  ['processes that lmdb aborted for it', ({ aborts }) => aborts],
  ['links narrowed', ({ faults }) => faults.narrow],
  ['links misdirected', ({ faults }) => faults.misdirected],
  ['connections that met another host', ({ misdirected }) => misdirected],
  ['disks crowded, of all hosts at once', ({ faults }) => faults['crowded disks']],
  ['slow or hanging saves', ({ faults }) => faults['slow saves']],
  ['disks wiped', ({ faults }) => faults.wipe],
  ['restarts', ({ faults }) => faults.restart],
  ['leader transfers', ({ faults }) => faults.transfer],
  ['nodes moved, replaced', ({ faults }) => faults.move + faults.replace],
  ['snapshots taken', ({ snapshotsTaken }) => snapshotsTaken],
  ['snapshots installed', ({ snapshotsInstalled }) => snapshotsInstalled],
  ['writes acknowledged', ({ acknowledged }) => acknowledged],
  ['writes, outcome unknown', ({ unknown }) => unknown],
  ['reads', ({ reads }) => reads],
  ['operations checked', ({ checked }) => checked],
  ['large commands', ({ largeCommands }) => largeCommands],
  ['commands refused on a session in use', ({ refusedAtOnce }) => refusedAtOnce],
  ['dials', ({ dials }) => dials],
  ['dials per 1,000 answers', perThousandAnswers('dials')],
  ['MiB between hosts', ({ passedBytes }) => Math.round(passedBytes / MIB)],
  [
    'KiB between hosts per answer',
    (figures) => Math.round(perThousandAnswers('passedBytes')(figures) / 102_400) / 10,
  ],
  ['log lines per 1,000 answers', perThousandAnswers('logLines')],
  ['most open files of a process', ({ openFiles }) => openFiles],
  ['most memory of a process, MiB', ({ residentBytes }) => Math.round(residentBytes / MIB)],
  ['VIOLATIONS', ({ violations }) => violations],
  ['STUCK GROUPS', ({ stuck }) => stuck],
  ['longest pause of a group, s', ({ longestPauseMs }) => Math.round(longestPauseMs / 100) / 10],
  ['that no fault explains, s', ({ unexplainedPauseMs }) => Math.round(unexplainedPauseMs / 100) / 10],
];

/** A row for each figure, a column for each pair. */
export function renderTable(figures: readonly PairFigures[]): string {
  const lines = [
    ['', ...figures.map(({ pair }) => pair)],
    ...ROWS.map(([name, value]) => [name, ...figures.map((each) => value(each).toLocaleString('en'))]),
  ];
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

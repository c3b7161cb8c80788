import type { BenchResult, Row } from './bench-run.js';
import type { MachineFacts } from './machine.js';
import { markdownTable } from './markdown.js';

/** One pair, with or without TLS: its figures, or why there are none. */
export interface PairOutcome {
  logdb: string;
  transport: string;
  tls: boolean;
  /** One proposal at a time, and many at once. */
  result?: { alone: Row; loaded: Row };
  /** One of the two is not installed on this machine: nothing was tried. */
  isMissing?: boolean;
  failure?: string;
}

export interface AdapterFacts {
  kind: 'logdb' | 'transport';
  name: string;
  /** Undefined: it could not be loaded, for the reason given. */
  installSizeBytes?: number;
  mutualTLS?: boolean;
  failure?: string;
}

export interface Comparison {
  facts: MachineFacts | undefined;
  seconds: number;
  load: number;
  payloadBytes: number;
  adapters: AdapterFacts[];
  pairs: PairOutcome[];
}

export function toOutcomeResult({ rows }: BenchResult): { alone: Row; loaded: Row } {
  const [alone, loaded] = rows;
  if (alone === undefined || loaded === undefined) throw new Error('two rows were to be measured');
  return { alone, loaded };
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');

function pairRow({ logdb, transport, tls, result, isMissing = false }: PairOutcome): string[] {
  const name = [logdb, transport, tls ? 'on' : 'off'];
  if (result === undefined) return [...name, isMissing ? 'not installed' : 'failed'];
  const { alone, loaded } = result;
  return [
    ...name,
    whole(loaded.writesPerSecond),
    loaded.p50Ms.toFixed(1),
    loaded.p99Ms.toFixed(1),
    alone.p50Ms.toFixed(2),
    loaded.leaderCpuMicrosPerWrite.toFixed(0),
    loaded.followerCpuMicrosPerWrite.toFixed(0),
    whole(loaded.diskBytesPerWrite),
  ];
}

const PAIR_HEAD = [
  'LogDB',
  'transport',
  'TLS',
  'writes/s',
  'p50 ms',
  'p99 ms',
  'p50 ms, one at a time',
  'CPU µs/write, leader',
  'follower',
  'disk B/write',
];

function adapterRow({ kind, name, installSizeBytes, mutualTLS }: AdapterFacts): string[] {
  if (installSizeBytes === undefined) return [kind, name, 'not installed'];
  const tls = mutualTLS === undefined ? '' : mutualTLS ? 'yes' : 'no';
  return [kind, name, `${(installSizeBytes / 1e6).toFixed(1)} MB`, tls];
}

/** Why there are no figures where there are none. */
function remarks({ adapters, pairs }: Comparison): string[] {
  const missing = adapters.filter(({ failure }) => failure !== undefined);
  const failed = pairs.filter(({ failure }) => failure !== undefined);
  const lines = [
    ...missing.map(({ name, failure }) => `- ${name} is not installed: ${failure}`),
    ...failed.map(({ logdb, transport, tls, failure }) => {
      return `- ${logdb} with ${transport}${tls ? ' and TLS' : ''} failed: ${failure}`;
    }),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

/** The comparison as two Markdown tables, with what was measured, and on what. */
export function renderComparison(comparison: Comparison): string {
  const { facts, seconds, load, payloadBytes, adapters, pairs } = comparison;
  const machine =
    facts === undefined
      ? []
      : [
          `Measured on Node.js ${facts.node}, ${facts.platform}, ${facts.cpuCount} x ${facts.cpu}; an append and its fdatasync alone take ${facts.syncP50Ms.toFixed(2)} ms (p50), ${facts.syncP99Ms.toFixed(2)} ms (p99). Three processes, ${load} proposals of ${payloadBytes} bytes under way at once, ${seconds} s each.`,
          '',
        ];
  const number = 'right' as const;
  return [
    ...machine,
    markdownTable(PAIR_HEAD, pairs.map(pairRow), [
      'left',
      'left',
      'left',
      ...Array.from({ length: 7 }, () => number),
    ]),
    '',
    markdownTable(['kind', 'adapter', 'installed', 'mutual TLS'], adapters.map(adapterRow), [
      'left',
      'left',
      number,
      'left',
    ]),
    ...remarks(comparison),
  ].join('\n');
}

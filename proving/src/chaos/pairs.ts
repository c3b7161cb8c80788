import { UsageError } from '../harness/options.js';
import type { Carrier } from './network.js';

/** A LogDB and a transport, and for a transport that has several engines one of them. */
export interface Pair {
  name: string;
  logdb: string;
  transport: string;
  transportOptions: Record<string, unknown>;
  carrier: Carrier;
}

const LOGDBS = ['lmdb', 'leveldb'];

type TransportChoice = Pick<Pair, 'transport' | 'transportOptions' | 'carrier'>;

/** By what they are called in the names of pairs. */
const TRANSPORTS: Readonly<Record<string, TransportChoice>> = {
  ws: { transport: 'ws', transportOptions: {}, carrier: 'tcp' },
  tcp: { transport: 'tcp', transportOptions: {}, carrier: 'tcp' },
  grpc: { transport: 'grpc', transportOptions: {}, carrier: 'tcp' },
  quic: { transport: 'quic', transportOptions: { engine: 'quic' }, carrier: 'udp' },
  'quic-h2': { transport: 'quic', transportOptions: { engine: 'webtransport-h2' }, carrier: 'tcp' },
};

export const ALL_PAIRS: readonly Pair[] = LOGDBS.flatMap((logdb) =>
  Object.entries(TRANSPORTS).map(([name, choice]) => ({ name: `${logdb}+${name}`, logdb, ...choice })),
);

/** Pairs by name, with commas in between; `all`. @throws UsageError */
export function parsePairs(text: string): Pair[] {
  if (text === 'all') return [...ALL_PAIRS];
  return text.split(',').map((name) => {
    const pair = ALL_PAIRS.find((candidate) => candidate.name === name.trim());
    if (pair !== undefined) return pair;
    throw new UsageError(
      `--pairs must be all, or some of ${ALL_PAIRS.map((each) => each.name).join(',')}; found "${name.trim()}"`,
    );
  });
}

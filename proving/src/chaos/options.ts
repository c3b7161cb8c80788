import { UsageError, parseOptions, wholeNumber } from '../harness/options.js';
import { ALL_PAIRS, type Pair, parsePairs } from './pairs.js';

export interface ChaosOptions {
  minutes: number;
  pairs: Pair[];
  seed: number;
  groups: number;
  dataDir: string | undefined;
  keep: boolean;
  json: boolean;
}

export const CHAOS_HELP = `Usage: npm run chaos -- [options]

Five real processes with many groups, real disks and sockets, and faults of every kind under load: kill -9, SIGSTOP,
partitions, loss, delays, narrow links, cut and misdirected connections, full, crowded and wiped disks, slow saves,
restarts, transfers, snapshots, large commands, changes of members.
After each round everything is healed; each group must serve through each member, the history of all clients must be
linearizable, each acknowledged write be there once, and replicas be equal.

Options:
  --minutes N      for all rounds together (default 10; 1 to 10080). Each pair has at least one round
  --pairs LIST     all, or some of ${ALL_PAIRS.slice(0, 4)
    .map(({ name }) => name)
    .join(', ')},
                   ${ALL_PAIRS.slice(4)
                     .map(({ name }) => name)
                     .join(', ')} (default all)
  --groups N       (default 24; 1 to 200)
  --seed N         decides what is drawn; the machine's timing is its own (default from the clock)
  --data-dir DIR   where to make the folder for data and logs (default: .drakkar-data in the project)
  --keep           leave that folder behind
  --json           the table as JSON on standard output, progress on standard error
  --help           this text`;

/** Undefined when help was asked for. @throws UsageError */
export function parseChaosOptions(args: readonly string[]): ChaosOptions | undefined {
  const values = parseOptions(args, {
    minutes: { type: 'string', default: '10' },
    pairs: { type: 'string', default: 'all' },
    groups: { type: 'string', default: '24' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    'data-dir': { type: 'string' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  });
  if (values.help) return undefined;
  if (values['data-dir']?.trim() === '') throw new UsageError('--data-dir must name a folder');
  return {
    minutes: wholeNumber('minutes', values.minutes, 1, 10_080),
    pairs: parsePairs(values.pairs),
    groups: wholeNumber('groups', values.groups, 1, 200),
    seed: wholeNumber('seed', values.seed, 0, 2 ** 32 - 1),
    dataDir: values['data-dir'],
    keep: values.keep,
    json: values.json,
  };
}

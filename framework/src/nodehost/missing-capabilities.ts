import type { AnyAdapterModule, LogDBCapabilities, RaftRPCCapabilities } from '@drakkar/raftio';

/** What it costs when an adapter does not have a capability. */
const LOGDB_COSTS: Readonly<Record<keyof LogDBCapabilities, string>> = {
  durable: 'everything is lost with the process',
  exclusiveOpen: 'nothing but the lock of the data directory keeps another process off the log',
  detectsDamage: 'a byte that changed on disk may be served',
  shrinksOnCompaction: 'files keep the space of removed entries, and use it again',
};

const TRANSPORT_COSTS: Readonly<Record<keyof RaftRPCCapabilities, string>> = {
  network: 'it reaches hosts of this process only',
  snapshots: 'a replica that is far behind can not catch up',
  mutualTLS: 'it can not be used with mutualTls',
};

/** What costs space alone is no reason to report anything. */
const HARMLESS = 'shrinksOnCompaction' satisfies keyof LogDBCapabilities;

/** The capabilities that a module does not declare, each with what that costs; none when that is space alone. */
export function costsOfMissing({ kind, capabilities }: AnyAdapterModule): { name: string; cost: string }[] {
  const declared: Readonly<Record<string, unknown>> = { ...capabilities };
  const missing = Object.entries(kind === 'logdb' ? LOGDB_COSTS : TRANSPORT_COSTS)
    .filter(([name]) => declared[name] !== true)
    .map(([name, cost]) => ({ name, cost }));
  return missing.every(({ name }) => name === HARMLESS) ? [] : missing;
}

import { fileURLToPath } from 'node:url';
import { harnessFromModule } from '../adapters/module-harness.js';
import type { TcpRules } from '../reference/tcp-rpc.js';
import type { RPCHarness } from '../rpc/harness.js';
import { RPC_CASES, runRPC } from '../rpc/suite.js';
import type { Mutant } from './mutant.js';
import { SOUND_RPC } from './rpc-bug.js';

interface TcpBug {
  name: string;
  caughtBy: readonly string[];
  rules: Partial<TcpRules>;
}

/** Bugs that only a network, or TLS, brings out. */
const BUGS: readonly TcpBug[] = [
  {
    name: 'a client need not show a certificate',
    caughtBy: ['RPC-TLS-2', 'RPC-TLS-3', 'RPC-TLS-6', 'RPC-TLS-8', 'RPC-TLS-9', 'RPC-TLS-10', 'RPC-TLS-11'],
    rules: { checksClients: false },
  },
  {
    name: 'any server will do',
    caughtBy: ['RPC-TLS-4', 'RPC-TLS-6', 'RPC-TLS-7', 'RPC-TLS-8', 'RPC-TLS-10', 'RPC-TLS-11'],
    rules: { checksServers: false },
  },
  { name: 'a certificate may name another host', caughtBy: ['RPC-TLS-7'], rules: { checksNames: false } },
  { name: 'whose certificate it was is not told', caughtBy: ['RPC-TLS-9'], rules: { namesClients: false } },
  {
    name: 'revoked certificates, and those that are not allowed, are accepted',
    caughtBy: ['RPC-TLS-11'],
    rules: { checksPeers: false },
  },
  {
    name: 'connections outlive the certificate',
    caughtBy: ['RPC-TLS-11', 'RPC-TLS-12'],
    rules: { watchesPeers: false },
  },
  { name: 'certificates are read once', caughtBy: ['RPC-TLS-8'], rules: { rereads: false } },
  {
    name: 'a header that comes in two parts is lost',
    caughtBy: ['RPC-DELIVER-6'],
    rules: { joinsHeaders: false },
  },
  { name: 'what arrives is queued without bound', caughtBy: ['RPC-BOUND-6'], rules: { queues: true } },
  { name: 'idle connections are not pinged', caughtBy: ['RPC-CONN-9'], rules: { pings: false } },
  { name: 'any host will do', caughtBy: ['RPC-CONN-11'], rules: { comparesHosts: false } },
  {
    name: 'a host is known by one spelling of its address alone',
    caughtBy: ['RPC-CONN-11'],
    rules: { comparesHosts: 'as spelled' },
  },
  { name: 'rubbish is read indefinitely', caughtBy: ['RPC-HOSTILE-1'], rules: { endsRubbish: false } },
  {
    name: 'what is no message ends the process',
    caughtBy: ['RPC-HOSTILE-4'],
    rules: { containsErrors: false },
  },
  {
    name: 'checksums are not looked at',
    caughtBy: ['RPC-HOSTILE-5'],
    rules: { checksSums: false, looksAtChecksums: false },
  },
  {
    name: 'stop waits for clients to go',
    caughtBy: ['RPC-STOP-5'],
    rules: { endsOthers: false, helloMs: 2 ** 30 },
  },
];

/** Those that were made up before there were cases for them, each asked its own and a few. */
const MORE_BUGS: readonly TcpBug[] = [
  {
    name: 'stop waits for TLS handshakes',
    caughtBy: ['RPC-STOP-6'],
    rules: { endsHandshakes: false },
  },
  { name: 'a CA that was taken out is still trusted', caughtBy: ['RPC-TLS-13'], rules: { rereadsCA: false } },
  {
    name: 'an address ends at its first colon',
    caughtBy: ['RPC-LIFE-8'],
    rules: { splitsAt: 'first colon' },
  },
  { name: 'names are not resolved', caughtBy: ['RPC-LIFE-9'], rules: { resolvesNames: false } },
  { name: 'listens at every address of the machine', caughtBy: ['RPC-LIFE-7'], rules: { bindsHost: false } },
  { name: 'a client that fell silent is kept', caughtBy: ['RPC-CONN-9'], rules: { givesUpClients: false } },
  {
    name: 'a client that never says anything is kept',
    caughtBy: ['RPC-CONN-9'],
    rules: { helloMs: 2 ** 30 },
  },
  {
    name: 'memory is taken for what is announced',
    caughtBy: ['RPC-HOSTILE-6'],
    rules: { allocatesAhead: true },
  },
  {
    name: 'an attempt that was given up stays connected',
    caughtBy: ['RPC-CONN-14'],
    rules: { endsAttempts: false },
  },
];

const MODULE = fileURLToPath(new URL('../reference/tcp-adapter.js', import.meta.url));

/**
 * Run only for the bug that they are named for: those that take long and are about nothing that these bugs touch, and
 * those that look at the whole process, in which other mutants run at the same time.
 */
const APART = [
  'RPC-CONN-9',
  'RPC-DELIVER-7',
  'RPC-DELIVER-8',
  'RPC-BOUND-4',
  'RPC-BOUND-5',
  'RPC-BOUND-6',
  'RPC-HOSTILE-4',
  'RPC-HOSTILE-5',
  'RPC-HOSTILE-6',
  'RPC-SNAP-13',
  'RPC-STOP-4',
];

function casesFor(bug: TcpBug): string[] {
  const { caughtBy } = bug;
  if (MORE_BUGS.includes(bug)) return [...new Set([...caughtBy, ...SOUND_RPC])];
  return RPC_CASES.map(({ id }) => id).filter((id) => caughtBy.includes(id) || !APART.includes(id));
}

async function harnessOf({ rules }: TcpBug): Promise<RPCHarness> {
  const made = await harnessFromModule(MODULE, { options: { ...rules } });
  if (made.kind !== 'transport') throw new Error('the reference over TCP is no transport');
  return made.harness;
}

export const TCP_MUTANTS: readonly Mutant[] = [...BUGS, ...MORE_BUGS].map((each) => {
  let harness: Promise<RPCHarness> | undefined;
  return {
    name: `rpc over TCP: ${each.name}`,
    caughtBy: each.caughtBy,
    cases: casesFor(each),
    run: async (only) => runRPC(await (harness ??= harnessOf(each)), { only }),
  };
});

import { memoryRPCHarness } from '../reference/memory-rpc-harness.js';
import { RPC_CASES, runRPC } from '../rpc/suite.js';
import type { Mutant } from './mutant.js';
import { HOST_BUGS } from './rpc-hosts.js';
import { MESSAGE_BUGS } from './rpc-messages.js';
import { SOUND_RPC } from './rpc-bug.js';
import { MORE_RPC_BUGS } from './rpc-more.js';

/** Asked only of the bugs that they are named for: they take long, and are about nothing that the others touch. */
const APART = ['RPC-DELIVER-7', 'RPC-DELIVER-8', 'RPC-BOUND-4', 'RPC-BOUND-5', 'RPC-SNAP-13'];

function casesFor(caughtBy: readonly string[]): string[] {
  return RPC_CASES.map(({ id }) => id).filter((id) => caughtBy.includes(id) || !APART.includes(id));
}

export const RPC_MUTANTS: readonly Mutant[] = [...MESSAGE_BUGS, ...HOST_BUGS, ...MORE_RPC_BUGS].map(
  ({ name, caughtBy, make }) => ({
    name: `rpc: ${name}`,
    caughtBy,
    cases: MORE_RPC_BUGS.some((each) => each.name === name)
      ? [...new Set([...caughtBy, ...SOUND_RPC])]
      : casesFor(caughtBy),
    run: (only, seed = 1) => runRPC({ ...memoryRPCHarness(make, name), seed }, { only }),
  }),
);

import { memoryRPCHarness } from '../reference/memory-rpc-harness.js';
import { RPC_CASES, runRPC } from '../rpc/suite.js';
import type { Mutant } from './mutant.js';
import { HOST_BUGS } from './rpc-hosts.js';
import { MESSAGE_BUGS } from './rpc-messages.js';

export const RPC_MUTANTS: readonly Mutant[] = [...MESSAGE_BUGS, ...HOST_BUGS].map(
  ({ name, caughtBy, make }) => ({
    name: `rpc: ${name}`,
    caughtBy,
    cases: RPC_CASES.map(({ id }) => id),
    run: (only) => runRPC(memoryRPCHarness(make, name), { only }),
  }),
);

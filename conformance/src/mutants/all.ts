import { ASSEMBLY_MUTANTS } from './assembly-mutants.js';
import { LOGDB_MUTANTS } from './logdb-mutants.js';
import type { Mutant } from './mutant.js';
import { RPC_MUTANTS } from './rpc-mutants.js';
import { TCP_MUTANTS } from './tcp-mutants.js';

export const MUTANTS: readonly Mutant[] = [
  ...LOGDB_MUTANTS,
  ...RPC_MUTANTS,
  ...TCP_MUTANTS,
  ...ASSEMBLY_MUTANTS,
];

import { ASSEMBLY_MUTANTS } from './assembly-mutants.js';
import { FILE_MUTANTS } from './file-mutants.js';
import { KV_MUTANTS } from './kv-mutants.js';
import { LOGDB_MUTANTS } from './logdb-mutants.js';
import type { Mutant } from './mutant.js';
import { RPC_MUTANTS } from './rpc-mutants.js';
import { TCP_MUTANTS } from './tcp-mutants.js';

/** Mutants by what they are wrong copies of; each kind can be run in a process of its own. */
export const MUTANTS_OF = {
  logdb: LOGDB_MUTANTS,
  files: FILE_MUTANTS,
  stores: KV_MUTANTS,
  rpc: RPC_MUTANTS,
  tcp: TCP_MUTANTS,
  assembly: ASSEMBLY_MUTANTS,
} as const satisfies Readonly<Record<string, readonly Mutant[]>>;

export type MutantKind = keyof typeof MUTANTS_OF;

export const MUTANTS: readonly Mutant[] = Object.values(MUTANTS_OF).flat();

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ASSEMBLY_CASES } from './assembly/suite.js';
import { LOGDB_CASES } from './logdb/suite.js';
import { RPC_CASES } from './rpc/suite.js';

/** Ids of the clauses that a contract's page states, in its order. */
function clausesOf(page: string): string[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^- \*\*([A-Z]+-[A-Z]+-\d+)\*\*/gm)].map(([, id]) => id ?? '');
}

describe.each([
  { page: 'raftio/docs/logdb-contract.md', cases: LOGDB_CASES },
  { page: 'raftio/docs/rpc-contract.md', cases: RPC_CASES },
  { page: 'conformance/docs/assembly.md', cases: ASSEMBLY_CASES },
])('$page', ({ page, cases }) => {
  it('states the clauses that the suite has cases for, in the same order', () => {
    expect(clausesOf(page)).toEqual(cases.map(({ id }) => id));
  });

  it('states each clause once', () => {
    const clauses = clausesOf(page);
    expect(new Set(clauses).size).toBe(clauses.length);
    expect(clauses.length).toBeGreaterThan(10);
  });
});

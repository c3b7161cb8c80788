import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../scripts/lib/run.mjs';

/**
 * The process that asks the suite of one adapter: `suite-process.mjs ADAPTER SEED [CASE ...]`, the cases in this order,
 * all without any. Writes a line of JSON for what it has come to, and ends at the first case that fails unless
 * DRAKKAR_MUTANT_REACHED asks what each case comes by.
 */
const [adapterName, seedText, ...wanted] = process.argv.slice(2);
const { DRAKKAR_MUTANT_REACHED: reachedDir } = process.env;

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function takeReached() {
  if (reachedDir === undefined) return [];
  const names = readdirSync(reachedDir);
  for (const name of names) rmdirSync(join(reachedDir, name));
  globalThis.drakkarForgetReached();
  return names.map(Number);
}

function compiled(path) {
  return import(pathToFileURL(join(root, 'conformance/dist', path)).href);
}

async function main() {
  const { KNOWN_ADAPTERS, harnessOf } = await compiled('cli/adapters.js');
  const { LOGDB_CASES, runLogDB } = await compiled('logdb/suite.js');
  const { RPC_CASES, runRPC } = await compiled('rpc/suite.js');
  const adapter = KNOWN_ADAPTERS.find(({ name }) => name === adapterName);
  const made = await harnessOf(adapter, { seed: Number(seedText), options: {} });
  const [cases, run] = made.kind === 'logdb' ? [LOGDB_CASES, runLogDB] : [RPC_CASES, runRPC];
  const { unavailable } = made.harness;
  tell({ started: true, unavailable, reached: takeReached() });
  if (unavailable !== undefined) return;
  for (const id of wanted.length > 0 ? wanted : cases.map((each) => each.id)) {
    tell({ begins: id });
    const { cases: results } = await run(made.harness, { only: [id] });
    for (const { status, error, durationMs } of results) {
      tell({ case: id, status, error, durationMs, reached: takeReached() });
      if (status === 'failed' && reachedDir === undefined) return;
    }
  }
  tell({ finished: true });
}

await main();
process.stdout.write('', () => process.exit(0));

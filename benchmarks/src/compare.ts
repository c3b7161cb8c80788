import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Interruption, UsageError, parseOptions, wholeNumber } from '@drakkar/proving';
import type { AdapterModule } from '@drakkar/raftio';
import { runBench } from './bench-run.js';
import {
  type AdapterFacts,
  type Comparison,
  type PairOutcome,
  renderComparison,
  toOutcomeResult,
} from './comparison.js';
import { installSizeBytes } from './install-size.js';
import { replaceBetween } from './markdown.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENT = join(ROOT, 'docs/choosing.md');
const [BEGIN, END] = ['<!-- compare:begin -->', '<!-- compare:end -->'];

const HELP = `Usage: npm run compare -- [options]

Measures every LogDB with every transport, as npm run bench does, and what each adapter takes up when it is installed.

Options:
  --logdb A,B,…      short names or paths of folders (default lmdb,leveldb)
  --transport A,B,…  likewise (default ws,tcp,grpc,quic)
  --tls off|on|both  mutual TLS between the processes (default both)
  --seconds N        measured time of each row, of which each pair has two (default 5; 1 to 600)
  --load N           proposals under way at once in the second row; in the first there is one (default 256)
  --payload N        bytes of a command (default 128; 0 to 65536)
  --data-dir DIR     as for npm start
  --json             one JSON document instead of tables
  --write            put the tables into docs/choosing.md as well
  --help             this text

Ends with 1 if a pair could not be measured, because it failed or is not installed on this machine.`;

interface CompareOptions {
  logdbs: string[];
  transports: string[];
  tls: boolean[];
  seconds: number;
  load: number;
  payloadBytes: number;
  dataDir: string | undefined;
  json: boolean;
  write: boolean;
}

function names(option: string, text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.includes('')) throw new UsageError(`--${option} must be names, with commas between them`);
  return list;
}

function tlsModes(text: string): boolean[] {
  const modes = { off: [false], on: [true], both: [false, true] }[text];
  if (modes === undefined) throw new UsageError(`--tls must be off, on or both, found "${text}"`);
  return modes;
}

function parseCompareOptions(args: readonly string[]): CompareOptions | undefined {
  const values = parseOptions(args, {
    logdb: { type: 'string', default: 'lmdb,leveldb' },
    transport: { type: 'string', default: 'ws,tcp,grpc,quic' },
    tls: { type: 'string', default: 'both' },
    seconds: { type: 'string', default: '5' },
    load: { type: 'string', default: '256' },
    payload: { type: 'string', default: '128' },
    'data-dir': { type: 'string' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  });
  if (values.help) return undefined;
  return {
    logdbs: names('logdb', values.logdb),
    transports: names('transport', values.transport),
    tls: tlsModes(values.tls),
    seconds: wholeNumber('seconds', values.seconds, 1, 600),
    load: wholeNumber('load', values.load, 1, 100_000),
    payloadBytes: wholeNumber('payload', values.payload, 0, 65_536),
    dataDir: values['data-dir'],
    json: values.json,
    write: values.write,
  };
}

/** Progress goes to standard error, so that standard output holds the outcome and nothing else. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The folder of an adapter's package: one of this repository by its short name, any other by its path. */
function folderOf(kind: AdapterFacts['kind'], name: string): string {
  return /[\\/]/.test(name) ? resolve(name) : join(ROOT, `${kind}-${name}`);
}

async function adapterFacts(kind: AdapterFacts['kind'], name: string): Promise<AdapterFacts> {
  const folder = folderOf(kind, name);
  try {
    const file = pathToFileURL(join(folder, 'dist/index.js')).href;
    const { adapterModule } = (await import(file)) as { adapterModule?: AdapterModule };
    if (adapterModule?.kind !== kind) throw new Error(`it has no adapterModule of kind ${kind}`);
    const facts = { kind, name, installSizeBytes: await installSizeBytes(folder) };
    return adapterModule.kind === 'transport'
      ? { ...facts, mutualTLS: adapterModule.capabilities.mutualTLS }
      : facts;
  } catch (error) {
    return { kind, name, failure: oneLine(error) };
  }
}

/** As it may stand in a cell of a table. */
function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').replaceAll('|', '/').slice(0, 300);
}

async function measurePair(
  pair: Pick<PairOutcome, 'logdb' | 'transport' | 'tls'>,
  options: CompareOptions,
  interruption: Interruption,
): Promise<{ outcome: PairOutcome; facts: Comparison['facts'] }> {
  const { seconds, load, payloadBytes, dataDir } = options;
  const run = { ...pair, seconds, inflight: [1, load], payloadBytes, nodes: 3, dataDir };
  try {
    const measured = await runBench(run, interruption);
    return { outcome: { ...pair, result: toOutcomeResult(measured) }, facts: measured.facts };
  } catch (error) {
    if (interruption.signal.aborted) throw error;
    return { outcome: { ...pair, failure: oneLine(error) }, facts: undefined };
  }
}

async function compare(options: CompareOptions, interruption: Interruption): Promise<Comparison> {
  const { logdbs, transports, tls, seconds, load, payloadBytes } = options;
  const adapters = await Promise.all([
    ...logdbs.map((name) => adapterFacts('logdb', name)),
    ...transports.map((name) => adapterFacts('transport', name)),
  ]);
  const pairs = logdbs.flatMap((logdb) =>
    transports.flatMap((transport) => tls.map((isTLS) => ({ logdb, transport, tls: isTLS }))),
  );
  const comparison: Comparison = { facts: undefined, seconds, load, payloadBytes, adapters, pairs: [] };
  const isMissing = (kind: AdapterFacts['kind'], name: string): boolean =>
    adapters.some((each) => each.kind === kind && each.name === name && each.failure !== undefined);
  for (const pair of pairs) {
    if (isMissing('logdb', pair.logdb) || isMissing('transport', pair.transport)) {
      comparison.pairs.push({ ...pair, isMissing: true });
      continue;
    }
    progress(`${pair.logdb}, ${pair.transport}${pair.tls ? ', TLS' : ''} ...`);
    const { outcome, facts } = await measurePair(pair, options, interruption);
    if (outcome.failure !== undefined) progress(`  failed: ${outcome.failure}`);
    comparison.facts ??= facts;
    comparison.pairs.push(outcome);
  }
  return comparison;
}

async function main(options: CompareOptions): Promise<number> {
  const interruption = new Interruption();
  try {
    const comparison = await compare(options, interruption);
    const tables = renderComparison(comparison);
    console.log(options.json ? JSON.stringify(comparison, null, 2) : tables);
    const isComplete = comparison.pairs.every(({ result }) => result !== undefined);
    const hasFailed = comparison.pairs.some(({ failure }) => failure !== undefined);
    if (options.write && !hasFailed) {
      await writeFile(DOCUMENT, replaceBetween(await readFile(DOCUMENT, 'utf8'), BEGIN, END, tables));
    } else if (options.write) {
      progress('docs/choosing.md was left as it is: a pair failed');
    }
    return isComplete ? 0 : 1;
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode;
    throw error;
  } finally {
    interruption.dispose();
  }
}

try {
  const options = parseCompareOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run compare -- --help lists the options.`);
  process.exitCode = 2;
}

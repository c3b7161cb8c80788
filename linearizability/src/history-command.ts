#!/usr/bin/env node
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { checkLinearizable } from './check-linearizable.js';
import { appendListHistory, counterHistory, keyValueHistory, registerHistory } from './jepsen.js';
import type { Model } from './model.js';
import { appendListModel } from './models/append-list.js';
import { counterModel } from './models/counter.js';
import { keyValueModel } from './models/key-value.js';
import { registerModel } from './models/register.js';
import type { Operation } from './operation.js';
import { drawViolation } from './picture.js';

const HELP = `Usage: drakkar-history FILE --model MODEL [options]

Whether the history in FILE is linearizable. FILE is in the EDN form of Jepsen and Knossos: a map for each event, with
:process, :type (:invoke, :ok, :fail, :info), :f and :value.

  --model MODEL       register (:read, :write v, :cas [old new]), key-value (the same with [key v]),
                      counter (:add n, :read), append-list (:append v, :read [v ...])
  --picture FILE      draws a violation into an HTML file
  --time-limit N      seconds until the search gives up (default 30; 1 to 86400)
  --json              the verdict as JSON
  --help              this text

Exit code: 0 linearizable, 1 not, 2 wrong use or no history, 3 undecided in time.
`;

/** What went wrong in the call; shown without a stack trace. */
class UsageError extends Error {}

interface Settings {
  text: string;
  timeLimitMs: number;
  picture: string | undefined;
  json: boolean;
}

async function judge<State, Input, Output>(
  model: Model<State, Input, Output>,
  read: (text: string) => Operation<Input, Output>[],
  { text, timeLimitMs, picture, json }: Settings,
): Promise<number> {
  const operations = read(text);
  const result = checkLinearizable(model, operations, { timeLimitMs });
  const isDrawn = result.verdict === 'violation' && picture !== undefined;
  if (isDrawn) await writeFile(picture, drawViolation(model, result.violation, result.message));
  if (json) {
    console.log(JSON.stringify({ ...result, model: model.name, operationCount: operations.length }));
  } else if (result.verdict === 'ok') {
    console.log(`linearizable: ${result.operationCount} operations in ${result.partCount} independent parts`);
  } else if (result.verdict === 'undecided') {
    console.log(`undecided: ${result.reason}; --time-limit gives the search longer`);
  } else {
    console.log(`NOT linearizable: ${result.message}`);
    if (isDrawn) console.log(`drawn in ${picture}`);
  }
  return { ok: 0, violation: 1, undecided: 3 }[result.verdict];
}

const MODELS: Record<string, (settings: Settings) => Promise<number>> = {
  register: (settings) => judge(registerModel(), registerHistory, settings),
  'key-value': (settings) => judge(keyValueModel(), keyValueHistory, settings),
  counter: (settings) => judge(counterModel(), counterHistory, settings),
  'append-list': (settings) => judge(appendListModel(), appendListHistory, settings),
};

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      model: { type: 'string' },
      picture: { type: 'string' },
      'time-limit': { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('one history is expected');
  const run = MODELS[values.model ?? ''];
  if (run === undefined) throw new UsageError(`--model must be one of ${Object.keys(MODELS).join(', ')}`);
  const seconds = Number(values['time-limit']);
  if (!(seconds >= 1 && seconds <= 86_400)) throw new UsageError('--time-limit must be from 1 to 86400');
  const text = await readFile(file, 'utf8');
  return await run({ text, timeLimitMs: seconds * 1_000, picture: values.picture, json: values.json });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error('drakkar-history --help says more');
  process.exitCode = 2;
}

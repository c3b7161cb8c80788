import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wholeNumber } from '../../scripts/lib/options.mjs';
import { prepare } from '../../scripts/lib/prepare.mjs';
import { root, run } from '../../scripts/lib/run.mjs';

const HELP = `Usage: npm run fuzz -- [options] [path ...]

Hostile bytes and messages, generated from a seed, for every decoder, the Raft core, stored records, snapshot files,
and the listening sockets of the transports: the tests named *hostile*, with more runs than \`npm test\` gives them. A
failure is made small and printed with its seed.

Options:
  --runs N    of each property (default 20000; 1 to 100000000)
  --seed N    (default: from the clock)
  --help      this text
  path        only tests whose path contains it`;

function fail(message) {
  console.error(`${message}\nnpm run fuzz -- --help lists the options.`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '20000' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
}

function numbersOf({ runs, seed }) {
  try {
    return {
      runs: wholeNumber('runs', runs, 1, 100_000_000),
      seed: wholeNumber('seed', seed, 0, 0x7fff_ffff),
    };
  } catch (error) {
    return fail(error.message);
  }
}

const { values, positionals } = options();
if (values.help) {
  console.log(HELP);
} else {
  const { runs, seed } = numbersOf(values);
  await prepare();
  console.log(`${runs} runs of each property, seed ${seed}`);
  const jest = ['--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js')];
  const paths = positionals.length > 0 ? positionals.map((path) => `${path}.*hostile`) : ['hostile'];
  process.exitCode = await run(process.execPath, [...jest, '--verbose', ...paths], {
    env: {
      DRAKKAR_FUZZ_RUNS: String(runs),
      DRAKKAR_FUZZ_SEED: String(seed),
      DRAKKAR_TEST_TIMEOUT_MS: '3600000',
    },
  });
}

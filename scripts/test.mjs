import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireNodeVersion } from './lib/node-version.mjs';
import { installWhatIsMissing } from './lib/prepare.mjs';
import { root, run, runNpm } from './lib/run.mjs';

/**
 * `npm test`: everything that has to hold, in one go; arguments go to jest. Each check before the suites and tests counts
 * as one test. The last line is `N passed, N failed`.
 */
const jest = join(root, 'node_modules/jest/bin/jest.js');
const quietNx = { NX_DAEMON: 'false', NX_TUI: 'false' };

async function step(name, check) {
  const startedAt = performance.now();
  const isGood = await check();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  return { passed: Number(isGood), failed: Number(!isGood) };
}

const npmScript = (name) => async () =>
  (await runNpm(['run', '--silent', name], { quiet: true, env: quietNx })) === 0;

/** Runs jest and reads its own account of it; a suite that could not even be loaded counts as one failure. */
async function runJest(args) {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-test-'));
  const outputFile = join(folder, 'results.json');
  const flags = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning'];
  const jestArgs = ['--json', `--outputFile=${outputFile}`, '--maxWorkers=2', ...args];
  try {
    const exitCode = await run(process.execPath, [...flags, jest, ...jestArgs], { stdout: 'ignore' });
    const results = JSON.parse(readFileSync(outputFile, 'utf8'));
    const passed = results.numPassedTests;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const isSilentFailure = failed === 0 && (exitCode !== 0 || passed === 0);
    return { passed, failed: failed + Number(isSilentFailure) };
  } catch (error) {
    console.error(`jest left no results: ${error.message}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What is drawn by. The same in every run, so that a failure is of the change that is tested; DRAKKAR_SEED asks for another
 * part, and `npm run conformance` for all of it.
 */
const SEED = process.env.DRAKKAR_SEED ?? '212513592';

/** Of what `npm run conformance` asks, in percent: the whole of it takes too long to be waited for. */
const SHARE = 50;

/** A machine may be slow without a load that it shows; what is waited for comes at once where nothing is wrong. */
const PATIENCE = 5;

/**
 * A share of the suites over every adapter and the pairs of them, each case counted as a test, as are the wrong adapters that the
 * suites have to see. What can't run on this machine is in the table, and counted as neither.
 */
async function runConformance() {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-test-'));
  const outputFile = join(folder, 'conformance.json');
  try {
    const command = join(root, 'conformance/dist/cli/main.js');
    const share = [`--share=${SHARE}`, `--seed=${SEED}`, `--patience=${PATIENCE}`];
    const exitCode = await run(process.execPath, [command, `--output=${outputFile}`, ...share]);
    const { adapters, mutants } = JSON.parse(readFileSync(outputFile, 'utf8'));
    const cases = adapters.flatMap(({ report }) => report?.cases ?? []);
    const good = cases.filter(({ status }) => status === 'passed' || status === 'known-gap').length;
    const bad = cases.filter(({ status }) => status === 'failed').length;
    const broken = adapters.filter((each) => each.broken !== undefined || each.isFailure === true).length;
    const caught = mutants.filter((each) => each.caught).length;
    const passed = good + caught;
    const failed = bad + broken + mutants.length - caught;
    const isSilentFailure = failed === 0 && (exitCode !== 0 || passed === 0);
    return { passed, failed: failed + Number(isSilentFailure) };
  } catch (error) {
    console.error(`the conformance suites left no results: ${error.message}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

requireNodeVersion();
const totals = { passed: 0, failed: 0 };
const count = ({ passed, failed }) => {
  totals.passed += passed;
  totals.failed += failed;
};

const installed = await step('install', installWhatIsMissing);
if (installed.failed > 0) {
  count(installed);
} else {
  count(await step('build', npmScript('build')));
  count(await step('type check', npmScript('typecheck')));
  count(await step('lint', npmScript('lint')));
  count(await step('format', npmScript('format')));
  const jestArgs = process.argv.slice(2);
  // Arguments choose among the tests of jest; only those are wanted then.
  if (jestArgs.length === 0) count(await runConformance());
  count(await runJest(jestArgs));
}
process.exitCode = totals.failed === 0 ? 0 : 1;
console.log(`${totals.passed} passed, ${totals.failed} failed`);

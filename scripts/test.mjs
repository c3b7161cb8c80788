import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireNodeVersion } from './lib/node-version.mjs';
import { installWhatIsMissing } from './lib/prepare.mjs';
import { root, run, runNpm } from './lib/run.mjs';

/**
 * `npm test`: everything that has to hold, in one go; arguments go to jest. Each check before the tests counts as one
 * test. The last line is `N passed, N failed`.
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
  count(await runJest(process.argv.slice(2)));
}
process.exitCode = totals.failed === 0 ? 0 : 1;
console.log(`${totals.passed} passed, ${totals.failed} failed`);

import { type CheckReport, emptyReport, printReport } from './check-report.js';
import type { DataDirOptions } from './data-dir-options.js';
import { type Breakdown, reportToParent, runIsolated } from './isolated.js';
import { ExitCode, type Output } from './output.js';

export interface CheckOptions extends DataDirOptions {
  inProcess?: boolean;
}

/**
 * `drakkar check`. Runs in a process of its own: a storage engine of native code may end its process when it meets
 * damage, and the system may end one that needs much memory. Neither is known to be damage.
 */
export async function check(output: Output, options: CheckOptions): Promise<ExitCode> {
  if (options.inProcess === true) {
    reportToParent(output.signals);
    const { checkData } = await import('./check-data.js');
    return printReport(output, await checkData(output, options));
  }
  const args = ['check', ...argumentsOf(options, output.isJSON), '--in-process'];
  const outcome = await runIsolated(args, { signals: output.signals });
  if (outcome.kind === 'exited' && (outcome.stdout !== '' || !output.isJSON)) {
    output.printed(outcome.stdout);
    return outcome.exitCode;
  }
  if (outcome.kind === 'stopped') output.checkStopped();
  const how: Breakdown =
    outcome.kind === 'broken' ? outcome.how : { kind: 'code', exitCode: ExitCode.failed };
  return printReport(output, brokenReport(how));
}

/** What is known when the process that read the data has not come to its end. */
export function brokenReport(how: Breakdown): CheckReport {
  return { ...emptyReport(), unchecked: [{ part: 'process', message: describe(how) }] };
}

const CRASHES: readonly NodeJS.Signals[] = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE'];
/** What V8 does when its heap is full; as an exit code where the system has no signals. */
const ABORTED_CODE = 134;

function describe(how: Breakdown): string {
  const reader = 'the process that read the data';
  if (how.kind === 'silent') {
    return `${reader} gave no sign of life for ${how.limitMs} ms and was ended: the disk hangs, the machine is overloaded, or the storage engine goes round in circles; check again, and if it happens again, check a copy on another machine`;
  }
  if (how.kind === 'signal' && how.signal === 'SIGKILL') {
    return `${reader} was killed (SIGKILL), as the system does when memory runs out: check again with more memory`;
  }
  if (how.kind === 'signal' ? how.signal === 'SIGABRT' : how.exitCode === ABORTED_CODE) {
    return `${reader} gave up (SIGABRT), as when it runs out of memory: check again with more memory (NODE_OPTIONS=--max-old-space-size=8192)`;
  }
  if (how.kind === 'signal' && CRASHES.includes(how.signal)) {
    return `the storage engine crashed (${how.signal}) while the data was read, which damage may cause, and so may a fault of the engine: check a copy on another machine, and if it crashes there too, take the data for damaged`;
  }
  const what = how.kind === 'signal' ? `was ended by ${how.signal}` : `ended with code ${how.exitCode}`;
  return `${reader} ${what} before it had a result: check again`;
}

function argumentsOf(options: DataDirOptions, isJSON: boolean): string[] {
  const { config, dir, walDir, logdb, ignoreSeal } = options;
  const values = { '--config': config, '--dir': dir, '--wal-dir': walDir, '--logdb': logdb };
  const args = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  if (ignoreSeal === true) args.push('--ignore-seal');
  if (isJSON) args.push('--json');
  return args;
}

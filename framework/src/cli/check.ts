import { type CheckReport, printReport } from './check-report.js';
import { reportAlive, runIsolated } from './isolated.js';
import type { ExitCode, Output } from './output.js';
import type { DataDirOptions } from './data-dir-options.js';

export interface CheckOptions extends DataDirOptions {
  inProcess?: boolean;
}

/**
 * `drakkar check`. Runs in a process of its own: a storage engine of native code may end its process when it meets
 * damage, which then is a finding and not the end of the check.
 */
export async function check(output: Output, options: CheckOptions): Promise<ExitCode> {
  if (options.inProcess === true) {
    reportAlive();
    const { checkData } = await import('./check-data.js');
    return printReport(output, await checkData(output, options));
  }
  const outcome = await runIsolated(['check', ...argumentsOf(options, output.isJSON), '--in-process']);
  if (outcome.kind === 'exited') return outcome.exitCode;
  const message = `the storage engine ${outcome.how} while the data was read: its files are damaged`;
  const report: CheckReport = {
    replicas: [],
    problems: [{ part: 'logdb', message }],
    leftovers: [],
    unusedLogDBs: [],
    seal: undefined,
  };
  return printReport(output, report);
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

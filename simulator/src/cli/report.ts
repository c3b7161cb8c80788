import { type Coverage, EVENT_KINDS } from '../world/coverage.js';
import type { ExtensionName } from '../extensions.js';
import type { SeedOutcome } from './run-seed.js';

const MS_PER_HOUR = 3_600_000;
const COLUMNS = 3;
const CELL_WIDTH = 38;

export interface Totals {
  seeds: number;
  failures: number;
  simulatedMs: number;
  steps: number;
  elapsedMs: number;
}

export function formatProgress({ seeds, failures, simulatedMs, elapsedMs }: Totals, of: string): string {
  const hours = simulatedMs / MS_PER_HOUR;
  const rate = hours / (elapsedMs / 60_000);
  return (
    `${seeds}${of} seeds, ${failures} failed, ${hours.toFixed(2)} simulated hours in ` +
    `${(elapsedMs / 1_000).toFixed(0)} s: ${rate.toFixed(2)} hours a minute`
  );
}

export function formatCoverage(coverage: Coverage): string {
  const cells = EVENT_KINDS.map((kind) => `${kind.padEnd(26)}${String(coverage.of(kind)).padStart(9)}`);
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += COLUMNS) {
    lines.push(
      cells
        .slice(at, at + COLUMNS)
        .map((cell) => cell.padEnd(CELL_WIDTH))
        .join('')
        .trimEnd(),
    );
  }
  return lines.join('\n');
}

/** How a failure is lived again. */
export function replayCommand(
  { seed, faults }: Pick<SeedOutcome, 'seed' | 'faults'>,
  extensions?: readonly ExtensionName[],
): string {
  const names = extensions === undefined ? '' : ` --extensions ${extensions.join(',') || '-'}`;
  const list = faults === undefined ? '' : ` --faults ${faults.length === 0 ? '-' : faults.join(',')}`;
  return `npm run sim -- --seed ${seed}${list}${names} --trace`;
}

export function formatFailure(outcome: SeedOutcome, extensions?: readonly ExtensionName[]): string {
  const { seed, violation, faults, news } = outcome;
  const lines = [`seed ${seed} FAILED: ${violation?.message ?? ''}`];
  if (faults !== undefined) lines.push(`  ${faults.length} faults are enough for it`);
  lines.push(...news.map((line) => `    ${line}`), `  replay: ${replayCommand(outcome, extensions)}`);
  return lines.join('\n');
}

import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ExitCode } from '../src/output.js';
import { runCli } from '../src/program.js';
import { signalExitCode } from '../src/signals.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const operations = read('docs/operations.md');

async function run(line: string): Promise<{ exitCode: number; stdout: string }> {
  let stdout = '';
  const io = { stdout: (text: string) => void (stdout += text), stderr: () => undefined, isTerminal: false };
  return { exitCode: await runCli(line.split(' ').slice(1), io), stdout };
}

/** The cells of the table below a heading. */
function tableBelow(text: string, heading: string): string[][] {
  const [, section = ''] = text.split(`\n${heading}\n`);
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('docs/operations.md', () => {
  it('lists the exit codes that there are, with commands that give them', async () => {
    const rows = tableBelow(operations, '## Exit codes');
    const bySignals = (['SIGHUP', 'SIGINT', 'SIGTERM'] as const).map(signalExitCode);
    const killed = 137;
    expect(rows.map(([code]) => Number(code)).sort((a, b) => a - b)).toEqual(
      [...Object.values(ExitCode), ...bySignals, killed].sort((a, b) => a - b),
    );
    let executed = 0;
    for (const [code, , example = ''] of rows) {
      const [, line] = /`(drakkar [^`]+)`/.exec(example) ?? [];
      if (line === undefined) continue;
      expect({ line, code: (await run(line)).exitCode }).toEqual({ line, code: Number(code) });
      executed++;
    }
    expect(executed).toBeGreaterThanOrEqual(2);
  });

  it('shows what drakkar certs prints', async () => {
    const out = await mkdtemp(join(tmpdir(), 'drakkar-certs-doc-'));
    const plain = (text: string): string =>
      text
        .replaceAll(out, 'CERTS')
        .replaceAll('/home/me/certs', 'CERTS')
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'DATE');
    try {
      const blocks = [...operations.matchAll(/```\n\$ (drakkar certs [^\n]*)\n([^`]*)```/g)];
      expect(blocks).toHaveLength(3);
      for (const [, line = '', shown = ''] of blocks) {
        const { exitCode, stdout } = await run(line.replace('./certs', out));
        expect({ line, exitCode, stdout: plain(stdout) }).toEqual({
          line,
          exitCode: 0,
          stdout: plain(shown),
        });
      }
    } finally {
      await rm(out, { recursive: true });
    }
  });
});

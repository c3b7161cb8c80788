import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const command = fileURLToPath(new URL('../dist/history-command.js', import.meta.url));
const event = (type: string, f: string, value: string): string =>
  `{:process 0, :type :${type}, :f :${f}, :value ${value}}\n`;
const written = event('invoke', 'write', '1') + event('ok', 'write', '1') + event('invoke', 'read', 'nil');

describe('drakkar-history', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'drakkar-history-'));
    await writeFile(join(dir, 'good.edn'), written + event('ok', 'read', '1'));
    await writeFile(join(dir, 'bad.edn'), written + event('ok', 'read', '2'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const child = execFile(process.execPath, [command, ...args], { cwd: dir }, (_error, out, err) => {
        resolve({ code: child.exitCode ?? -1, out, err });
      });
    });

  it('reports that a history is linearizable', async () => {
    expect(await run('good.edn', '--model', 'register')).toMatchObject({
      code: 0,
      out: expect.stringContaining('linearizable: 2 operations'),
    });
  });

  it('reports that one is not, why, and draws it', async () => {
    const { code, out } = await run('bad.edn', '--model', 'register', '--picture', 'bad.html');
    expect(code).toBe(1);
    expect(out).toContain('client 0  read 2');
    expect(await readFile(join(dir, 'bad.html'), 'utf8')).toContain('<svg');
    const json = await run('bad.edn', '--model', 'register', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      verdict: 'violation',
      model: 'register',
      operationCount: 2,
    });
  });

  it.each([
    [['--model', 'register'], 'one history is expected'],
    [['good.edn'], '--model must be one of register'],
    [['good.edn', '--model', 'register', '--time-limit', '0'], '--time-limit'],
    [['none.edn', '--model', 'register'], 'ENOENT'],
    [['good.edn', '--model', 'counter'], ':f :write'],
    [['--wrong'], "Unknown option '--wrong'"],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await run(...args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) as unknown });
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { drakkar } from './testing/drakkar.js';

const WRONG: [string, string[]][] = [
  ['an unknown command', ['inspekt']],
  ['an unknown option', ['inspect', '--konfig', 'x']],
  ['no data named', ['inspect']],
  ['data named twice', ['check', '--in-process', '--config', 'a', '--dir', 'b']],
  ['a configuration that is not there', ['inspect', '--config', '/nowhere/host.yaml']],
  ['a data directory that is not there', ['inspect', '--dir', '/nowhere/data']],
  ['no place to copy from', ['logdb', 'copy', '--from', 'lmdb:/nowhere', '--to', 'lmdb:/nowhere/else']],
  ['a place without a module', ['logdb', 'copy', '--from', '/data', '--to', 'lmdb:/nowhere/else']],
  ['an app that is not there', ['serve', '--config', 'x', '--app', './nowhere.js']],
];

describe('drakkar', () => {
  it('explains itself, each command too', async () => {
    for (const args of [[], ['inspect'], ['check'], ['logdb', 'copy'], ['serve']]) {
      const { exitCode, stdout } = await drakkar(...args, '--help');
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Usage: drakkar');
    }
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
    ) as Record<string, string>;
    expect(await drakkar('--version')).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each(WRONG)('exits with 2 and gives the reason for %s', async (_name, args) => {
    const { exitCode, stderr, stdout } = await drakkar(...args);
    expect(exitCode).toBe(2);
    expect(stderr.length).toBeGreaterThan(10);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(existsSync('/nowhere')).toBe(false);
  });

  it.each(WRONG)('gives one document with --json for %s', async (_name, args) => {
    const { exitCode, stdout } = await drakkar(...args, '--json');
    expect(exitCode).toBe(2);
    const isStream = args[0] === 'serve';
    const failure = { error: { code: expect.any(String), message: expect.any(String) } };
    expect(JSON.parse(stdout)).toMatchObject(
      isStream ? { event: 'failed', ...failure } : { ok: false, ...failure },
    );
    expect(stdout.trimEnd().split('\n').length === 1).toBe(isStream);
  });
});

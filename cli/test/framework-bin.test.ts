import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const BIN = join(import.meta.dirname, '../../framework/bin/drakkar.mjs');

/** Where the packages are installed, without what is in the repository. */
let installed = '';

beforeEach(() => {
  installed = mkdtempSync(join(tmpdir(), 'drakkar-bin-'));
  mkdirSync(join(installed, 'node_modules/@drakkar/framework/bin'), { recursive: true });
  mkdirSync(join(installed, 'node_modules/.bin'));
  cpSync(BIN, join(installed, 'node_modules/@drakkar/framework/bin/drakkar.mjs'));
  symlinkSync('../@drakkar/framework/bin/drakkar.mjs', join(installed, 'node_modules/.bin/drakkar'));
});

afterEach(() => rmSync(installed, { recursive: true, force: true }));

/** Pretends that the command is installed: it prints its arguments, and ends with 3. */
function installCommand(): void {
  const folder = join(installed, 'node_modules/@drakkar/cli');
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: '@drakkar/cli', type: 'module' }));
  writeFileSync(
    join(folder, 'dist/main.js'),
    'console.log(process.argv.slice(2).join(" ")); process.exitCode = 3;\n',
  );
}

function drakkar(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const file = join(installed, 'node_modules/.bin/drakkar');
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the drakkar of @drakkar/framework', () => {
  it('says what to install, and ends as a command that could not be done', () => {
    const { status, stdout, stderr } = drakkar('inspect', '--dir', '/data');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('npm install @drakkar/cli');
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('runs the command where that is installed', () => {
    installCommand();
    expect(drakkar('inspect', '--dir', '/data')).toEqual({
      status: 3,
      stdout: 'inspect --dir /data\n',
      stderr: '',
    });
  });
});

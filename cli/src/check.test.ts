import { constants } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { ErrLogDBCorrupt } from '@drakkar/raftio';
import { brokenReport } from './check.js';
import { printReport } from './check-report.js';
import { circumstanceOf } from './circumstance.js';
import type { Breakdown } from './isolated.js';
import { ExitCode, Output } from './output.js';

function verdictOn(how: Breakdown): { exitCode: number; text: string } {
  let text = '';
  const io = { stdout: (more: string) => void (text += more), stderr: () => undefined, isTerminal: false };
  const output = new Output(io, { isJSON: false });
  const exitCode = printReport(output, brokenReport(how));
  output.end();
  return { exitCode, text };
}

const systemError = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

describe('drakkar check', () => {
  it.each<[string, Breakdown, string]>([
    ['a kill', { kind: 'signal', signal: 'SIGKILL' }, 'as the system does when memory runs out'],
    ['a full heap', { kind: 'signal', signal: 'SIGABRT' }, 'as when it runs out of memory'],
    ['a full heap, as a code', { kind: 'code', exitCode: 134 }, 'as when it runs out of memory'],
    ['a crash', { kind: 'signal', signal: 'SIGSEGV' }, 'check a copy on another machine'],
    ['a signal', { kind: 'signal', signal: 'SIGTERM' }, 'was ended by SIGTERM'],
    ['an exit', { kind: 'code', exitCode: 7 }, 'ended with code 7'],
    ['silence', { kind: 'silent', limitMs: 120_000 }, 'no sign of life for 120000 ms'],
  ])('takes %s of the process that reads for no damage', (_name, how, reason) => {
    const { exitCode, text } = verdictOn(how);
    expect(exitCode).toBe(ExitCode.unchecked);
    expect(text).toContain(reason);
    expect(text).toContain('the data could not be checked');
    expect(text).not.toContain('PROBLEM');
  });

  it.each<[string, unknown, string | undefined]>([
    ['a file that may not be read', systemError('EACCES'), 'EACCES'],
    ['no descriptors left', new ErrLogDBCorrupt('x', { cause: systemError('EMFILE') }), 'EMFILE'],
    ['a disk that fails', new Error('x', { cause: new Error('y', { cause: systemError('EIO') }) }), 'EIO'],
    ['no memory left', new RangeError('Array buffer allocation failed'), 'ENOMEM'],
    [
      'words of an engine',
      new ErrLogDBCorrupt('x', { cause: new Error('IO error: /log/000005.ldb: Too many open files') }),
      'EMFILE',
    ],
    ['a number of an engine', Object.assign(new Error('no'), { code: constants.errno.EACCES }), 'EACCES'],
    ['a file that is missing, in words', new Error('IO error: 5.ldb: No such file or directory'), undefined],
    ['a file that is missing', systemError('ENOENT'), undefined],
    ['damage', new ErrLogDBCorrupt('the checksum does not match'), undefined],
    ['anything', 'text', undefined],
  ])('distinguishes circumstances from damage: %s', (_name, error, circumstance) => {
    expect(circumstanceOf(error)).toBe(circumstance);
  });
});

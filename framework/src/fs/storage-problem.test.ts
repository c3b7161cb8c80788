import { describe, expect, it } from '@jest/globals';
import { adviceAfterFailedWrite, storageProblemOf } from './storage-problem.js';

const failure = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);

describe('storageProblemOf', () => {
  it.each([
    ['an error of Node.js', failure('x', { code: 'EMFILE' }), 'noDescriptors'],
    ['a number of LMDB', failure('Input/output error', { code: 5 }), 'inputOutput'],
    ['words of LevelDB', failure('IO error: /a/000003.log: No space left on device'), 'noSpace'],
    ['words of LevelDB', failure('IO error: /a/000007.ldb: Too many open files'), 'noDescriptors'],
    ['words of musl', failure('IO error: /a/000003.log: I/O error'), 'inputOutput'],
    [
      'what has caused it',
      failure('a write failed', { code: 'ERR_LOGDB_FENCED', cause: failure('', { code: 'EROFS' }) }),
      'readOnly',
    ],
  ])('knows %s', (_what, error, problem) => {
    expect(storageProblemOf(error)).toBe(problem);
  });

  it.each([
    [undefined],
    ['text'],
    [failure('a bug')],
    [failure('IO error: lock')],
    [{ code: 'ERR_X', message: 1 }],
  ])('knows nothing of %p', (error) => {
    expect(storageProblemOf(error)).toBeUndefined();
  });

  it('ends with causes that go in a circle', () => {
    const error = failure('x');
    error.cause = error;
    expect(storageProblemOf(error)).toBeUndefined();
  });
});

describe('adviceAfterFailedWrite', () => {
  it('asks for the page cache to be emptied where it may hold what the disk has not', () => {
    for (const problem of ['inputOutput', 'noSpace', undefined] as const)
      expect(adviceAfterFailedWrite(problem)).toContain('mount the file system again or reboot');
    expect(adviceAfterFailedWrite('noDescriptors')).not.toContain('reboot');
  });
});

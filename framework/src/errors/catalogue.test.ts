import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as raftio from '@drakkar/raftio';
import { DrakkarError, ErrConnectionClosed, isDrakkarError, withClaim } from '@drakkar/raftio';
import { ERROR_CATALOGUE } from './catalogue.js';
import * as errors from './index.js';
import * as framework from '../index.js';
import { isTempError } from './temp-error.js';

const root = join(import.meta.dirname, '..', '..', '..');

type ErrorClass = new (message: string) => DrakkarError;

const exported = { ...raftio, ...framework, ...errors } as Record<string, unknown>;
const names = [...ERROR_CATALOGUE].map((error) => error.name);
const classes = names.map((name): [string, ErrorClass] => [name, exported[name] as ErrorClass]);

/** Names of the classes of errors in the sources of every package, exported or not. */
function classesInSources(): string[] {
  const found: string[] = [];
  for (const workspace of readdirSync(root, { withFileTypes: true })) {
    const sources = join(root, workspace.name, 'src');
    if (workspace.name === 'node_modules' || !workspace.isDirectory() || !existsSync(sources)) continue;
    for (const file of readdirSync(sources, { recursive: true }) as unknown as string[]) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
      const text = readFileSync(join(sources, file), 'utf8');
      for (const match of text.matchAll(/class (\w+) extends DrakkarError\b/g)) found.push(match[1] ?? '');
    }
  }
  return found.sort();
}

describe('the catalogue of errors', () => {
  it('knows every class that there is, and no other', () => {
    expect([...names].sort()).toEqual(classesInSources());
  });

  it('holds classes that users can import', () => {
    const hidden = classes.filter(([, errorClass]) => typeof errorClass !== 'function').map(([name]) => name);
    expect(hidden).toEqual([]);
  });

  it('gives each class one code of its own', () => {
    expect(new Set(ERROR_CATALOGUE.map((error) => error.code)).size).toBe(ERROR_CATALOGUE.length);
    for (const { code, name } of ERROR_CATALOGUE) {
      expect(code).toMatch(/^ERR(_[A-Z]+)+$/);
      // ErrClusterNotReady and ERR_CLUSTER_NOT_READY: the same words.
      const words = name
        .replace(/^Err/, '')
        .replace(/Error$/, '')
        .toLowerCase();
      expect(code.replace('ERR_', '').replaceAll('_', '').toLowerCase()).toBe(words);
    }
  });

  it.each(classes)('%s is as the catalogue says', (name, errorClass) => {
    const error = new errorClass('why');
    const described = ERROR_CATALOGUE.find((entry) => entry.name === name);
    expect(described).toMatchObject({ code: error.code, effect: error.effect, retry: error.retry });
    expect(error.message).toBe('why');
    expect(error.name).toBe(name);
    expect(isDrakkarError(error)).toBe(true);
    expect(described?.meaning).toMatch(/\.$/);
    expect(described?.action).toMatch(/\.$/);
  });

  it('names the same codes as docs/errors.md', () => {
    const text = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
    const codes = ERROR_CATALOGUE.map((error) => error.code).sort();
    const inTable = [...text.matchAll(/^\| \[`(ERR_[A-Z_]+)`/gm)].map((match) => match[1]);
    expect(inTable.sort()).toEqual(codes);
    const described = [...text.matchAll(/^### (ERR_[A-Z_]+)/gm)].map((match) => match[1]);
    expect(described.sort()).toEqual(codes);
  });

  it('keeps cause and details', () => {
    const cause = new Error('disk');
    const error = new errors.ErrReplicaFailed(undefined, { cause, details: { clusterID: 7 } });
    expect(error.cause).toBe(cause);
    expect(error.details).toEqual({ clusterID: 7 });
    expect(error.message).not.toBe('');
  });
});

describe('isTempError', () => {
  it.each([
    new errors.ErrSystemBusy(),
    new errors.ErrBadKey(),
    new errors.ErrPendingConfigChangeExist(),
    new errors.ErrClusterClosed(),
    new errors.ErrSystemStopped(),
    new errors.ErrClusterNotReady(),
    new errors.ErrClusterNotInitialized(),
    new errors.ErrPendingLeaderTransferExist(),
    new errors.ErrRequestTerminated(),
  ])('is true for $name', (error) => {
    expect(isTempError(error)).toBe(true);
  });

  it.each([
    new errors.ErrTimeout(),
    new errors.ErrCanceled(),
    new errors.ErrRejected(),
    new errors.ErrQuorumAtRisk(),
    new errors.ErrNotAMember(),
    new errors.ErrClosed(),
    new errors.ErrClusterNotFound(),
    new errors.ErrReplicaFailed(),
    new Error('ERR_SYSTEM_BUSY'),
    undefined,
  ])('is false for %s', (error) => {
    expect(isTempError(error)).toBe(false);
  });

  it('knows an error of another copy of the package by its code', () => {
    const foreign = new DrakkarError('ERR_SYSTEM_BUSY', 'retry', 'busy');
    expect(isTempError(foreign)).toBe(true);
  });
});

describe('the claim of an error', () => {
  const claims = [
    [{ effect: 'none', retry: 'here' }, 'retry', true],
    [{ effect: 'none', retry: 'elsewhere' }, 'retry-elsewhere', false],
    [{ effect: 'none', retry: 'never' }, 'fix', false],
    [{ effect: 'unknown', retry: 'here' }, 'unknown', false],
    [{ effect: 'unknown', retry: 'elsewhere' }, 'unknown', false],
    [{ effect: 'unknown', retry: 'never' }, 'unknown', false],
  ] as const;

  it.each(claims)('%j gives the fields of version 0.1 what is true', (claim, kind, retrySafe) => {
    const error = new DrakkarError('ERR_X', claim, '');
    expect(error).toMatchObject({ ...claim, kind, retrySafe, outcomeKnown: claim.effect === 'none' });
  });

  it('is read when an adapter of version 0.1 gives it as a kind', () => {
    expect(new DrakkarError('ERR_X', 'retry', '')).toMatchObject({ effect: 'none', retry: 'here' });
    expect(new DrakkarError('ERR_X', 'fatal-host', '')).toMatchObject({ effect: 'unknown' });
  });

  it('is that of the place where it is thrown, if that says one', () => {
    const error = new errors.ErrTimeout('why', { effect: 'none' });
    expect(error).toMatchObject({ effect: 'none', retry: 'here' });
  });

  it('can be restated, and code, name, message and details stay', () => {
    const details = { step: 'promote' };
    const error = new errors.ErrQuorumAtRisk('why', { details });
    const restated = withClaim(error, { effect: 'unknown' });
    const { code, name, message, retry } = error;
    expect(restated).toMatchObject({ code, name, message, retry, details, effect: 'unknown', cause: error });
    expect(error.effect).toBe('none');
  });

  it('keeps a loop that retries here from going on where nothing comes back', () => {
    for (const error of [
      new errors.ErrClusterClosed(),
      new errors.ErrClosed(),
      new errors.ErrSystemStopped(),
      new errors.ErrNodeRemoved(),
      new errors.ErrReplicaFailed(),
      new errors.ErrClusterNotFound(),
      new errors.ErrRequestTerminated(),
    ]) {
      expect(error.retry).not.toBe('here');
      expect(error.retrySafe).toBe(false);
    }
  });

  it('is, for a closed connection, that a batch may have arrived', () => {
    expect(new ErrConnectionClosed()).toMatchObject({ effect: 'unknown', retry: 'here' });
  });
});

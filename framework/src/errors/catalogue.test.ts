import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as raftio from '@drakkar/raftio';
import { DrakkarError, isDrakkarError } from '@drakkar/raftio';
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
    expect(described).toMatchObject({ code: error.code, kind: error.kind });
    expect(error.message).toBe('why');
    expect(error.name).toBe(name);
    expect(isDrakkarError(error)).toBe(true);
    expect(described?.meaning).toMatch(/\.$/);
    expect(described?.action).toMatch(/\.$/);
  });

  it('and docs/errors.md name the same codes', () => {
    const text = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
    const documented = [...text.matchAll(/^\| `(ERR_[A-Z_]+)`/gm)].map((match) => match[1]);
    expect(documented.sort()).toEqual(ERROR_CATALOGUE.map((error) => error.code).sort());
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

  it('never calls a retry safe whose outcome is unknown', () => {
    for (const { code, kind } of ERROR_CATALOGUE) {
      const error = new DrakkarError(code, kind, '');
      expect(error.retrySafe && !error.outcomeKnown).toBe(false);
    }
  });
});

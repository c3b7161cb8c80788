import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as raftio from '@drakkar/raftio';
import { DrakkarError, isDrakkarError } from '@drakkar/raftio';
import { ERROR_CATALOGUE } from './catalogue.js';
import * as errors from './index.js';
import { isTempError } from './temp-error.js';

type ErrorClass = new (message?: string) => DrakkarError;

const classes: [string, ErrorClass][] = Object.entries({ ...raftio, ...errors })
  .filter(([name, value]) => /^Err[A-Z]/.test(name) && typeof value === 'function')
  .map(([name, value]) => [name, value as unknown as ErrorClass]);

describe('the catalogue of errors', () => {
  it('knows every class that is exported, and no other', () => {
    expect(ERROR_CATALOGUE.map((error) => error.name).sort()).toEqual(classes.map(([name]) => name).sort());
  });

  it('gives each class one code of its own', () => {
    expect(new Set(ERROR_CATALOGUE.map((error) => error.code)).size).toBe(ERROR_CATALOGUE.length);
    for (const { code, name } of ERROR_CATALOGUE) {
      expect(code).toMatch(/^ERR(_[A-Z]+)+$/);
      // ErrClusterNotReady and ERR_CLUSTER_NOT_READY: the same words.
      expect(code.replaceAll('_', '').toLowerCase()).toBe(name.toLowerCase());
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
    const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'errors.md'), 'utf8');
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

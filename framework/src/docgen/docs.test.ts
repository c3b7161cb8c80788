import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configurationDocs } from './configuration.js';
import { errorDocs } from './errors.js';
import { eventDocs } from './events.js';
import { WHAT_TO_DO } from '../events/what-to-do.js';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');
const read = (name: string): string => readFileSync(join(docs, name), 'utf8');

describe('documents made from code', () => {
  it.each([
    ['configuration.md', configurationDocs],
    ['errors.md', errorDocs],
    ['events.md', eventDocs],
  ])('%s is up to date (if not: npm run build && node scripts/gen-docs.mjs)', (name, make) => {
    expect(read(name)).toBe(make());
  });

  it('configuration.md has a row for a key of each level', () => {
    const text = read('configuration.md');
    for (const key of [
      'raftAddress',
      'logdb.options',
      'log.modules.raft',
      'settings.maxBatchBytes',
      'electionRTT',
    ]) {
      expect(text).toContain(`| \`${key}\` `);
    }
  });

  it('events.md describes each event, what to do, and each field', () => {
    const text = read('events.md');
    const sections = text.split('\n### ').slice(1);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(Object.keys(WHAT_TO_DO));
    for (const section of sections) expect(section).toMatch(/^\w+\n\n[A-Z`].*\n\n_What to do:_ [A-Z]/);
    expect(text).toContain('| `advice` ');
  });
});

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';

const FOLDER = join(import.meta.dirname, '..', 'testdata');

/**
 * Holds a transcript against the one in testdata. DRAKKAR_UPDATE_GOLDEN=1 writes it instead: look at the difference
 * before you commit it, a change of behaviour shows nowhere better.
 */
export function expectGolden(name: string, transcript: string): void {
  const path = join(FOLDER, `${name}.golden.txt`);
  if (process.env.DRAKKAR_UPDATE_GOLDEN === '1') writeFileSync(path, transcript);
  expect(existsSync(path) ? readFileSync(path, 'utf8') : '(no golden file)').toBe(transcript);
}

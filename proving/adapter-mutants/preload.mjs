import { mkdirSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { join } from 'node:path';

/**
 * Loaded by `--import` into each process that the suite starts, and each of their threads: puts other texts in place of
 * compiled files, and notes the places that the code comes by.
 */
const { DRAKKAR_MUTANT_TEXTS, DRAKKAR_MUTANT_REACHED } = process.env;

if (DRAKKAR_MUTANT_TEXTS !== undefined) {
  register('./hooks.mjs', import.meta.url, { data: JSON.parse(readFileSync(DRAKKAR_MUTANT_TEXTS, 'utf8')) });
}

if (DRAKKAR_MUTANT_REACHED !== undefined) {
  const known = new Set();
  // A folder for each: it is there, too, when the process is killed, and no limit on the size of files stops it.
  globalThis.drakkarReached = (number) => {
    if (known.has(number)) return;
    known.add(number);
    try {
      mkdirSync(join(DRAKKAR_MUTANT_REACHED, String(number)));
    } catch {
      // Another process has been here.
    }
  };
  globalThis.drakkarForgetReached = () => known.clear();
}

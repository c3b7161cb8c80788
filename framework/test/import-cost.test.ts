import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const entry = new URL('../dist/index.js', import.meta.url).href;
const counter = fileURLToPath(new URL('support/count-files.mjs', import.meta.url));

/** Every file that an `import` of `specifier` loads, of packages too. */
function filesLoadedBy(specifier: string): string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [counter, specifier], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

describe('importing the framework', () => {
  it('loads fewer than 200 files, and neither the container nor what reads files, checks and logs', () => {
    const files = filesLoadedBy(entry);
    expect(files.length).toBeGreaterThan(20);
    expect(files.length).toBeLessThan(200);
    const packages = files.filter((file) => /node_modules\/(@?inversify|yaml|ajv|pino|cockatiel)/.test(file));
    expect(packages).toEqual([]);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../..');

describe('README', () => {
  it('shows the counter example as it is, which another test runs', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const program = await readFile(join(root, 'examples/src/counter.ts'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(shown).toBe(program);
  });

  it('shows a part of it for the framework', async () => {
    const readme = await readFile(join(root, 'framework/README.md'), 'utf8');
    const program = linesOf(await readFile(join(root, 'examples/src/counter.ts'), 'utf8'));
    const [, shown = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(linesOf(shown).split('\n').length).toBeGreaterThan(5);
    expect(program).toContain(linesOf(shown));
  });
});

/** Lines without their indentation, which depends on where they are shown. */
function linesOf(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}

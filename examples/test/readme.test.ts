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

  it('links to files that exist', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) await expect(readFile(join(root, link)).catch(isFolder)).resolves.toBeDefined();
  });
});

/** A link may lead to a folder; anything else that can't be read is broken. */
function isFolder(error: unknown): string {
  if ((error as { code?: unknown }).code === 'EISDIR') return 'a folder';
  throw error;
}

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeHost } from '@drakkar/framework';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs');
const GUIDE = await readFile(join(DOCS, 'writing-an-adapter.md'), 'utf8');
const CLAUSES = (
  await Promise.all(
    ['logdb', 'rpc'].map((name) => readFile(join(DOCS, `../raftio/docs/${name}-contract.md`), 'utf8')),
  )
).join('\n');

/** Lines without their indentation, which depends on where a block is shown. */
function linesOf(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim());
}

interface Excerpt {
  lines: string[];
  /** The source that was linked to last before it, relative to docs. */
  source: string;
}

function excerpts(): Excerpt[] {
  return [...GUIDE.matchAll(/```[tj]s\n([\s\S]*?)```/g)].map((match) => {
    const links = [
      ...GUIDE.slice(0, match.index).matchAll(/\]\((\.\.\/(?:examples|conformance)\/[^)]+\.(?:ts|mjs))\)/g),
    ];
    return { lines: linesOf(match[1] ?? ''), source: links.at(-1)?.[1] ?? 'nothing' };
  });
}

describe('the guide to writing an adapter', () => {
  it('shows the code of the examples as it is', async () => {
    const all = excerpts();
    expect(all.length).toBeGreaterThan(15);
    for (const { lines, source } of all) {
      const program = linesOf(await readFile(join(DOCS, source), 'utf8')).join('\n');
      expect(program).toContain(lines.join('\n'));
    }
  });

  it('names clauses that exist', () => {
    const named = [...GUIDE.matchAll(/\b(?:LDB|RPC)-[A-Z]+-\d+\b/g)].map(([id]) => id);
    expect(named.length).toBeGreaterThan(10);
    for (const id of named) expect(CLAUSES).toContain(`**${id}**`);
  });

  it('reports what a host says of modules that it can not use', async () => {
    const rows = [...GUIDE.matchAll(/^\| `(\{ module: .*?\})` +\| (.*?) +\|$/gm)];
    expect(rows.length).toBeGreaterThan(4);
    const dir = await mkdtemp(join(tmpdir(), 'drakkar-guide-'));
    try {
      for (const [, logdb = '', message = ''] of rows) {
        const config = join(dir, 'raft.yaml');
        const section = logdb.replace('./', `${ROOT}/`);
        await writeFile(config, `raftAddress: 127.0.0.1:26999\nnodeHostDir: ./data\nlogdb: ${section}\n`);
        const said = await NodeHost.create(config).then(
          () => 'nothing',
          (error: unknown) => (error as Error).message,
        );
        const pattern = message.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        expect(said).toMatch(new RegExp(`${pattern.join('.*')}$`));
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

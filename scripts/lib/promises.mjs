import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './run.mjs';

const SOURCE = 'framework/test/dragonboat-promises.yaml';

const INTRODUCTION = `# What Dragonboat's documentation promises

<!-- Made by \`npm run docs\` of ${SOURCE}; a test compares. Change that file, not this one. -->

Each promise of Dragonboat's public Go documentation, in our words; Drakkar keeps it, or the remark says how it differs.
Names are those of the Go packages; [api.md](api.md) gives ours. The tests that hold each promise here are listed in
\`${SOURCE}\`. Omitted: master servers (not built) and C++ plugins (no counterpart).
`;

/** The promises by section: names in Go, the promise, the tests that hold it, what differs. */
export function readPromises() {
  return parse(readFileSync(join(root, SOURCE), 'utf8'));
}

const code = (names) =>
  names
    .split(', ')
    .map((name) => `\`${name}\``)
    .join(', ');

/** A table with its columns aligned, as the formatter of this repository leaves it. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** The text of docs/dragonboat-promises.md. */
export function promisesDocs() {
  const sections = readPromises().map(({ section, note, promises }) => {
    const rows = promises.map(({ go, promise, remark = '' }) => [code(go), promise, remark]);
    const remarks = note === undefined ? '' : `${note}\n\n`;
    return `## ${section}\n\n${remarks}${table([['Go', 'Promise', 'Remark'], ...rows])}\n`;
  });
  return [INTRODUCTION, ...sections].join('\n');
}

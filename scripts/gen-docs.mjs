// Writes the documents that are made from code. Run it after a build: node scripts/gen-docs.mjs
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'framework', 'dist');
const { configurationDocs } = await import(join(dist, 'docgen', 'configuration.js'));
const { errorDocs } = await import(join(dist, 'docgen', 'errors.js'));

const documents = { 'configuration.md': configurationDocs(), 'errors.md': errorDocs() };
await mkdir(join(root, 'docs'), { recursive: true });
for (const [name, text] of Object.entries(documents)) {
  await writeFile(join(root, 'docs', name), text);
  console.log(`docs/${name}`);
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeApiReference } from './lib/api-reference.mjs';
import { prepare } from './lib/prepare.mjs';
import { promisesDocs } from './lib/promises.mjs';
import { root } from './lib/run.mjs';

/**
 * `npm run docs`: writes the documents that are made from code, and the API reference. With `--pages` the documents alone.
 */
await prepare();
const dist = join(root, 'framework', 'dist');
const { configurationDocs } = await import(join(dist, 'docgen', 'configuration.js'));
const { errorDocs } = await import(join(dist, 'docgen', 'errors.js'));
const { eventDocs } = await import(join(dist, 'docgen', 'events.js'));

const documents = {
  'configuration.md': configurationDocs(),
  'errors.md': errorDocs(),
  'events.md': eventDocs(),
  'dragonboat-promises.md': promisesDocs(),
};
await mkdir(join(root, 'docs'), { recursive: true });
for (const [name, text] of Object.entries(documents)) {
  await writeFile(join(root, 'docs', name), text);
  console.log(`docs/${name}`);
}
if (!process.argv.includes('--pages')) console.log(await writeApiReference());

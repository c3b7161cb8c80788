import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run big-snapshot`: memory that a large snapshot takes while it is streamed. */
await prepare();
become(join(root, 'benchmarks/dist/big-snapshot/main.js'), process.argv.slice(2));

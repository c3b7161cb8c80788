import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run compare`: measures every LogDB with every transport. */
await prepare();
become(join(root, 'benchmarks/dist/compare.js'), process.argv.slice(2));

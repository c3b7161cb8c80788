import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run idle-groups`: what groups cost that nobody uses. */
await prepare();
become(join(root, 'benchmarks/dist/idle-groups/main.js'), process.argv.slice(2));

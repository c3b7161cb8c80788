import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run chaos -- --minutes N`: faults of every kind on real processes, over all pairs, and checks what is left. */
await prepare();
become(join(root, 'proving/dist/chaos/main.js'), process.argv.slice(2));

import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run crash-rounds`: kills and restarts real processes, many times over, and checks what is left. */
await prepare();
become(join(root, 'proving/dist/crash-rounds/main.js'), process.argv.slice(2));

import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run bit-flips`: flips bits between the hosts of a group under load, and checks that none does harm. */
await prepare();
become(join(root, 'proving/dist/bit-flips/main.js'), process.argv.slice(2));

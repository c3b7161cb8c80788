import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run rolling-restart`: stops and starts the processes of a cluster in turn, under load. */
await prepare();
become(join(root, 'proving/dist/rolling-restart/main.js'), process.argv.slice(2));

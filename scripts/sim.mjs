import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run sim`: lives of clusters on a virtual clock, network and disk, each from its seed. */
await prepare();
become(join(root, 'simulator/dist/cli/main.js'), process.argv.slice(2));

import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run bench`: measures three hosts on this machine. */
await prepare();
become(join(root, 'benchmarks/dist/bench.js'), process.argv.slice(2));

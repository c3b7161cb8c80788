import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run conformance`: asks every clause of the contracts of the adapters; see `--help`. */
await prepare();
become(join(root, 'conformance/dist/cli/main.js'), process.argv.slice(2));

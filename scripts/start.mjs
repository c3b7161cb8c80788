import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm start`: installs and builds what is missing, then runs the cluster demonstration. */
await prepare();
become(join(root, 'proving/dist/demo/main.js'), process.argv.slice(2));

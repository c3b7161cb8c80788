import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';

/** `npm run churn`: changes a group's members under load, with kills in between, and checks what is left. */
await prepare();
become(join(root, 'proving/dist/churn/main.js'), process.argv.slice(2));

import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { become, root } from './lib/run.mjs';
import { buildVersion01 } from './lib/version-0-1.mjs';

/** `npm run mixed-versions`: hosts of version 0.1 and of this one in a group, exchanged under load. */
await prepare();
if (!process.argv.includes('--help')) process.env.DRAKKAR_OLD_VERSION = await buildVersion01();
become(join(root, 'proving/dist/mixed-versions/main.js'), process.argv.slice(2));

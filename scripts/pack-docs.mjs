import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { root } from './lib/run.mjs';

/**
 * The pages for users, which `@drakkar/framework` carries in its folder `docs`: errors, `--help` and READMEs name them, and
 * who has installed a package has no repository. npm packs nothing from outside a package's folder, so npm runs this before
 * it packs, and with `--remove` afterwards.
 */
export const PAGES = [
  'api',
  'checking-histories',
  'choosing',
  'configuration',
  'disaster-recovery',
  'dragonboat',
  'errors',
  'events',
  'membership',
  'operations',
  'security',
  'state-machines',
  'transports',
  'writing-an-adapter',
].map((name) => `${name}.md`);

const LINK = /\[([^[\]]+)\]\((?!https?:|#)([^)\s]+)\)/g;
const PACKAGE = /^(raftio|cli|conformance|linearizability|logdb-[a-z]+|transport-[a-z]+)\//;

/** A page as it is packed: what links to a file that is not packed names it, or links to the package that has it. */
export function packedPage(text) {
  return text.replaceAll(LINK, (link, label, target) => {
    const [path] = target.split('#');
    if (PAGES.includes(path)) return link;
    const file = posix.join('docs', path);
    const [, name] = PACKAGE.exec(`${file}/`) ?? [];
    return name === undefined ? label : `[${label}](https://www.npmjs.com/package/@drakkar/${name})`;
  });
}

function main([option]) {
  const target = join(root, 'framework', 'docs');
  rmSync(target, { recursive: true, force: true });
  if (option === '--remove') return;
  mkdirSync(target);
  for (const page of PAGES) {
    writeFileSync(join(target, page), packedPage(readFileSync(join(root, 'docs', page), 'utf8')));
  }
}

if (import.meta.filename === process.argv[1]) main(process.argv.slice(2));

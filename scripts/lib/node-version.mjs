import { readFileSync } from 'node:fs';

/** Ends the process, with a sentence instead of a stack trace, when this Node is too old for the project. */
export function requireNodeVersion() {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const wanted = /(\d+)\.(\d+)\.(\d+)/.exec(engines.node).slice(1).map(Number);
  const found = process.versions.node.split('.').map(Number);
  for (let i = 0; i < wanted.length; i += 1) {
    if (found[i] > wanted[i]) return;
    if (found[i] < wanted[i]) {
      console.error(`Drakkar needs Node.js ${wanted.join('.')} or newer; this is ${process.version}.`);
      process.exit(1);
    }
  }
}

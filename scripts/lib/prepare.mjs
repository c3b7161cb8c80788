import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { requireNodeVersion } from './node-version.mjs';
import { root, run, runNpm } from './run.mjs';

function say(text) {
  console.log(text);
}

/** npm writes this file last: it is there, and not older than the lock file, when the installation is complete. */
function isInstalled() {
  const marker = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(marker)) return false;
  return statSync(marker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

export async function installWhatIsMissing() {
  if (isInstalled()) return true;
  say('Installing dependencies (npm ci) ...');
  return (await runNpm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { quiet: true })) === 0;
}

/** Every package that has something to compile, in no particular order: the references between them give that. */
function packagesToBuild() {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return workspaces.filter((name) => {
    const folder = join(root, name);
    return existsSync(join(folder, 'tsconfig.json')) && readdirSync(join(folder, 'src')).length > 0;
  });
}

/** Compiles what has changed since the last time. */
async function buildWhatChanged() {
  const packages = packagesToBuild();
  if (packages.some((name) => !existsSync(join(root, name, 'dist')))) say('Building ...');
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  return (await run(process.execPath, [compiler, '--build', ...packages], { quiet: true })) === 0;
}

/** What every script that runs compiled code does first. Ends the process when something is in the way. */
export async function prepare() {
  requireNodeVersion();
  if (!(await installWhatIsMissing())) {
    console.error('Could not install the dependencies: see above. `npm ci` shows more.');
    process.exit(1);
  }
  if (!(await buildWhatChanged())) {
    console.error('Could not build: see above.');
    process.exit(1);
  }
}

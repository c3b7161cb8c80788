import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkInstalledModules } from './linked-modules.mjs';
import { root, run, runNpm } from './run.mjs';

/** The last commit of version 0.1. */
const COMMIT = '157d7ed0794a';
const CACHE = join(tmpdir(), `drakkar-${COMMIT}`);
/** Written last: there is a whole build, for this installation of packages. */
const MARKER = 'built-for';
const PACKAGES = [
  'examples',
  'logdb-lmdb',
  'logdb-leveldb',
  'transport-ws',
  'transport-grpc',
  'transport-quic',
];

function say(text) {
  console.log(text);
}

function isBuilt() {
  const marker = join(CACHE, MARKER);
  return existsSync(marker) && readFileSync(marker, 'utf8') === root;
}

function unpack(dir) {
  try {
    const archive = execFileSync('git', ['archive', '--format=tar', COMMIT], {
      cwd: root,
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    execFileSync('tar', ['-x', '-C', dir], { input: archive });
  } catch (cause) {
    throw new Error(
      `commit ${COMMIT} can't be unpacked: is this a clone with its whole history, and is there tar?`,
      {
        cause,
      },
    );
  }
}

async function build(dir) {
  const compiler = join(dir, 'node_modules/typescript/bin/tsc');
  const packages = PACKAGES.map((name) => join(dir, name));
  return (await run(process.execPath, [compiler, '--build', ...packages], { quiet: true })) === 0;
}

/** Its own packages, when those installed here are too new for it. */
async function install(dir) {
  rmSync(join(dir, 'node_modules'), { recursive: true, force: true });
  const args = ['ci', '--prefix', dir, '--no-audit', '--no-fund', '--loglevel=error'];
  return (await runNpm(args, { quiet: true })) === 0;
}

/**
 * Version 0.1 from the project's history, built, in a folder for temporary files, where the next run finds it. Gives
 * that folder.
 */
export async function buildVersion01() {
  if (isBuilt()) return CACHE;
  say(`Building version 0.1 (${COMMIT}) in ${CACHE} ...`);
  const dir = mkdtempSync(join(tmpdir(), 'drakkar-0.1-'));
  try {
    unpack(dir);
    rmSync(CACHE, { recursive: true, force: true });
    mkdirSync(join(CACHE, '..'), { recursive: true });
    renameSync(dir, CACHE); // links, and what the compiler notes, name the folder
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  linkInstalledModules(CACHE);
  if (!(await build(CACHE))) {
    say('With the packages installed here it does not build; installing its own (npm ci) ...');
    if (!(await install(CACHE)) || !(await build(CACHE)))
      throw new Error('version 0.1 could not be built: see above');
  }
  writeFileSync(join(CACHE, MARKER), root);
  return CACHE;
}

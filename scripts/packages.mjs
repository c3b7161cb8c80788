import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './lib/prepare.mjs';
import { root } from './lib/run.mjs';

/**
 * `npm run packages`: the packages as users get them. Packs each, has publint and attw judge it, installs them with npm and
 * pnpm under strict settings, imports and requires every entry point, runs the counter example, and compiles a program
 * against their declarations. Needs the npm registry, where the judges and pnpm come from; leaves nothing in the repository.
 */
const HELP = `Usage: npm run packages -- [--node PATH]... [--keep]

  --node PATH   another Node.js that imports, requires and runs what was installed; may be repeated
  --keep        keep the folder of packages and installations, and say where it is`;

const PUBLINT = 'publint@0.3';
const ATTW = '@arethetypeswrong/cli@0.18';
const PNPM = 'pnpm@9';
const NODE_TYPES = '@types/node@20';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const compiler = join(root, 'node_modules/typescript/bin/tsc');

/** Each published package: its folder, its manifest, and the names it is imported by. */
function publishedPackages() {
  return read(join(root, 'package.json'))
    .workspaces.map((folder) => ({ folder, manifest: read(join(root, folder, 'package.json')) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({
      folder,
      manifest,
      entries: Object.keys(manifest.exports)
        .filter((entry) => !entry.endsWith('.json'))
        .map((entry) => manifest.name + entry.slice(1)),
    }));
}

/** Runs a program in a folder; what it printed counts only when it fails. */
function command(cwd, program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, npm_config_update_notifier: 'false' },
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`);
  return stdout;
}

/** Packs a package, and checks that what is in it is compiled from a source that is there. */
function pack({ folder, manifest }, target) {
  const output = command(join(root, folder), 'npm', 'pack', '--json', '--pack-destination', target);
  // Scripts of the package print before it, and npm 12 has an object by names where others have a list.
  const [packed] = Object.values(JSON.parse(output.slice(output.search(/^[[{]/m))));
  const names = packed.files.map(({ path }) => path);
  const stale = names.filter((path) => {
    const [, source] = /^dist\/(.*?)(?:\.d\.ts|\.js)$/.exec(path) ?? [];
    if (source !== undefined) return !existsSync(join(root, folder, 'src', `${source}.ts`));
    return !/^(?:LICENSE|README\.md|package\.json|bin\/[\w-]+\.mjs|docs\/[\w-]+\.md)$/.test(path);
  });
  if (stale.length > 0) {
    throw new Error(`${manifest.name} would carry ${stale.join(', ')}: npm run clean, and build again`);
  }
  if (!names.includes('LICENSE')) throw new Error(`${manifest.name} has no licence`);
  return join(target, packed.filename);
}

function judge(tarball, cwd) {
  command(cwd, 'npx', '--yes', PUBLINT, tarball, '--strict');
  command(cwd, 'npx', '--yes', ATTW, tarball, '--profile', 'esm-only', '--no-emoji');
}

/** What the README of the framework has users install. */
function readmePackages() {
  const readme = readFileSync(join(root, 'framework/README.md'), 'utf8');
  const [, line] = /^npm install (@drakkar\/framework .*)$/m.exec(readme) ?? [];
  if (line === undefined) throw new Error('framework/README.md does not say what to install');
  return line.split(' ');
}

function project(parent, name, manifest) {
  const cwd = join(parent, name);
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true, type: 'module', ...manifest }));
  copyFileSync(join(root, 'examples/dist/counter.js'), join(cwd, 'counter.js'));
  return cwd;
}

/** Everything that is published, and what the README has installed beside it. */
function installWithNpm(parent, tarballs) {
  const cwd = project(parent, 'npm', {});
  writeFileSync(join(cwd, '.npmrc'), 'engine-strict=true\nstrict-peer-deps=true\naudit=false\nfund=false\n');
  const foreign = readmePackages().filter((name) => !tarballs.has(name));
  command(cwd, 'npm', 'install', ...tarballs.values(), ...foreign, NODE_TYPES);
  command(cwd, 'npm', 'ls', '--all');
  const shown = command(cwd, 'npx', '--no', '--', 'drakkar', '--version').trim();
  if (!/^\d+\.\d+\.\d+$/.test(shown)) throw new Error(`drakkar --version printed ${shown}`);
  return cwd;
}

/** What the README says and nothing else; its own packages, which no registry has in this state, from their files. */
function installWithPnpm(parent, tarballs) {
  const overrides = Object.fromEntries([...tarballs].map(([name, file]) => [name, `file:${file}`]));
  const dependencies = Object.fromEntries(readmePackages().map((name) => [name, overrides[name] ?? '*']));
  const cwd = project(parent, 'pnpm', { dependencies, pnpm: { overrides } });
  const settings = 'engine-strict=true\nstrict-peer-dependencies=true\nauto-install-peers=false\n';
  writeFileSync(join(cwd, '.npmrc'), settings);
  command(cwd, 'npx', '--yes', PNPM, 'install');
  const { stderr } = spawnSync('npx', ['--yes', PNPM, 'exec', 'drakkar', '--version'], {
    cwd,
    encoding: 'utf8',
  });
  if (!stderr.includes('npm install @drakkar/cli'))
    throw new Error(`without @drakkar/cli drakkar says: ${stderr}`);
  return cwd;
}

/** Imports and requires the entry points, and runs the README's program. */
function use(cwd, node, entries) {
  const names = JSON.stringify(entries);
  const importing = `for (const name of ${names}) await import(name);`;
  command(cwd, node, '--input-type=module', '--eval', importing);
  // An entry point of types alone exports nothing at run time.
  const requiring = `for (const name of ${names}) require(name);`;
  command(cwd, node, '--no-warnings', '--input-type=commonjs', '--eval', requiring);
  const shown = command(cwd, node, 'counter.js');
  if (shown.match(/reads 10$/gm)?.length !== 3) throw new Error(`the counter example printed\n${shown}`);
}

/** Compiles a program that names every entry point, declarations of all packages included. */
function compile(cwd, entries) {
  const imports = entries.map((name, i) => `import * as part${i} from '${name}';`).join('\n');
  const names = entries.map((_, i) => `part${i}`).join(', ');
  const text = `${imports}\nexport const parts = [${names}];\n`;
  writeFileSync(join(cwd, 'all.ts'), text);
  writeFileSync(join(cwd, 'required.cts'), text);
  copyFileSync(join(root, 'examples/src/counter.ts'), join(cwd, 'counter.ts'));
  const common = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', 'false', '--types', 'node'];
  const modes = [
    ['node16', 'node16', 'all.ts', 'counter.ts'],
    ['nodenext', 'nodenext', 'all.ts', 'counter.ts', 'required.cts'],
    ['esnext', 'bundler', 'all.ts', 'counter.ts'],
  ];
  for (const [module, resolution, ...files] of modes) {
    const flags = ['--target', 'es2022', '--module', module, '--moduleResolution', resolution];
    command(cwd, process.execPath, compiler, ...common, ...flags, ...files);
  }
}

let isGood = true;
function step(name, work) {
  const startedAt = performance.now();
  try {
    const result = work();
    console.log(`ok     ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    isGood = false;
    console.log(`FAILED ${name}\n${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function checkAll(folder, nodes) {
  const packages = publishedPackages();
  const packed = packages.map((each) => [
    each.manifest.name,
    step(`pack ${each.folder}`, () => pack(each, folder)),
  ]);
  if (!isGood) return;
  const tarballs = new Map(packed);
  for (const [name, tarball] of tarballs) step(`publint and attw of ${name}`, () => judge(tarball, folder));
  const entries = packages.flatMap((each) => each.entries);
  const inReadme = entries.filter((name) => readmePackages().includes(name));
  const byNpm = step('install all with npm', () => installWithNpm(folder, tarballs));
  const byPnpm = step('install what the README says with pnpm', () => installWithPnpm(folder, tarballs));
  for (const node of nodes) {
    const version = command(folder, node, '--version').trim();
    if (byNpm) step(`use what npm installed on Node.js ${version}`, () => use(byNpm, node, entries));
    if (byPnpm) step(`use what pnpm installed on Node.js ${version}`, () => use(byPnpm, node, inReadme));
  }
  if (byNpm) step('compile against them: node16, nodenext, bundler', () => compile(byNpm, entries));
}

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: [] },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
} else {
  await prepare();
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-packages-'));
  try {
    checkAll(folder, [process.execPath, ...values.node]);
  } finally {
    if (values.keep) console.log(`kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
  process.exitCode = isGood ? 0 : 1;
}

/**
 * Runs the exercise: groups of hosts of ours and of another implementation, which README.md says how to give.
 *
 *   node integration/interop/run.mjs --other "COMMAND" [--transport grpc|tcp] [--tls] [--only TEXT] [--dir DIR]
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeCertificates } from '@drakkar/cli';
import { CASES } from './cases.mjs';
import { MixedGroup } from './group.mjs';

const LAYOUTS = [
  ['ours', 'other', 'other'],
  ['ours', 'ours', 'other'],
];

const { values } = parseArgs({
  options: {
    other: { type: 'string' },
    transport: { type: 'string', default: 'grpc' },
    only: { type: 'string', default: '' },
    dir: { type: 'string' },
    tls: { type: 'boolean', default: false },
    'keep-data': { type: 'boolean', default: false },
  },
});
const ours = `exec ${process.execPath} ${join(import.meta.dirname, 'host.mjs')}`;
const commands = { ours, other: values.other === undefined ? ours : `exec ${values.other}` };
const root = values.dir ?? (await mkdtemp(join(tmpdir(), 'drakkar-interop-')));
await mkdir(root, { recursive: true });
const tls = values.tls ? await certificates() : undefined;
const rows = [];
let failed = 0;

async function certificates() {
  const outDir = join(root, 'certificates');
  const made = await writeCertificates({
    outDir,
    hosts: ['127.0.0.1'],
    alsoNames: [],
    days: 2,
    replace: true,
  });
  const [{ caFile, certFile, keyFile }] = made.hosts;
  return { caFile, certFile, keyFile };
}

async function runCase({ run, settings, works = true, isPossible = () => true }, layout, kind) {
  if (!isPossible(layout, kind)) return 'not possible here';
  const dir = await mkdtemp(join(root, 'case-'));
  const group = new MixedGroup({
    commands,
    dir,
    settings: { ...settings, tls },
    transport: values.transport,
  });
  const startMs = Date.now();
  try {
    await group.start(layout, { works });
    if (works) await group.leadBy(kind);
    const note = await run(group, kind);
    const { fallen } = group;
    if (fallen.length > 0)
      throw new Error(`ended by themselves: ${fallen.map((host) => host.name).join(', ')}`);
    return `ok, ${Math.round((Date.now() - startMs) / 1000)} s${typeof note === 'string' ? `, ${note}` : ''}`;
  } catch (error) {
    failed += 1;
    const fallen = group.fallen.map((host) => host.name).join(', ');
    return `FAILED: ${error.message}${fallen === '' ? '' : `; ended by themselves: ${fallen}`} (${dir})`;
  } finally {
    await group.end();
    if (!values['keep-data'] && failed === 0) await rm(dir, { recursive: true, force: true });
  }
}

for (const each of CASES) {
  if (!each.name.includes(values.only)) continue;
  for (const layout of LAYOUTS) {
    for (const kind of ['ours', 'other']) {
      const outcome = await runCase(each, layout, kind);
      rows.push([each.name, layout.join(' + '), kind, outcome]);
      console.log(`${each.name} | ${layout.join(' + ')} | leader ${kind} | ${outcome}`);
    }
  }
}
console.log(`\n| case | members | leader | outcome |\n| --- | --- | --- | --- |`);
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
if (failed === 0 && values.dir === undefined && !values['keep-data'])
  await rm(root, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);

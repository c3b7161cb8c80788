import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NodeProcess } from '../src/harness/node-process.js';
import { compiled } from './dist.js';

interface Commands {
  double: { takes: number; answers: number };
  fail: { takes: null; answers: null };
  hang: { takes: null; answers: null };
  crash: { takes: null; answers: null };
  leak: { takes: null; answers: null };
  shutdown: { takes: null; answers: null };
}

const CHILD = `
import { serveParent, tellParent } from '${pathToFileURL(compiled('harness/serve-parent.js')).href}';
if (process.argv[2] === 'broken') throw new Error('can not start');
serveParent({
  double: (n) => 2 * n,
  fail: () => { throw new Error('on purpose'); },
  hang: () => new Promise(() => {}),
  crash: () => { console.error('last words'); process.exit(3); },
  leak: () => { setInterval(() => {}, 1_000); return null; },
  shutdown: () => null,
});
tellParent({ type: 'news', news: 'hello' });
`;

describe('NodeProcess', () => {
  let dir = '';
  let node: NodeProcess<Commands, string> | undefined;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drakkar-process-'));
    writeFileSync(join(dir, 'child.mjs'), CHILD);
  });
  afterEach(async () => {
    await node?.killHard();
    rmSync(dir, { recursive: true });
  });

  function start(...args: string[]): NodeProcess<Commands, string> {
    node = new NodeProcess({ script: join(dir, 'child.mjs'), args, logPath: join(dir, 'log') });
    return node;
  }

  it('gives commands, and gets answers, refusals and news', async () => {
    const child = start();
    await child.ready(20_000);
    expect(await child.call('double', 21, 5_000)).toBe(42);
    await expect(child.call('fail', null, 5_000)).rejects.toThrow('on purpose');
    expect(child.news).toBe('hello');
    await expect(child.call('hang', null, 50)).rejects.toThrow('hang: no answer from process');
    await child.shutDown('shutdown', 10_000);
    expect(child.isRunning).toBe(false);
    await expect(child.call('double', 1, 1_000)).rejects.toThrow('has ended');
  });

  it('reports how a process ended, with the end of its log', async () => {
    const child = start();
    await child.ready(20_000);
    const hanging = expect(child.call('hang', null, 20_000)).rejects.toThrow(/ended with 3.*last words/s);
    await expect(child.call('crash', null, 20_000)).rejects.toThrow('ended with 3');
    await hanging;
  });

  it('rejects a start that fails', async () => {
    await expect(start('broken').ready(20_000)).rejects.toThrow('can not start');
  });

  it('does not accept a shutdown that leaves the process running, and ends it', async () => {
    const child = start();
    await child.ready(20_000);
    await child.call('leak', null, 5_000);
    await expect(child.shutDown('shutdown', 1_000)).rejects.toThrow('end after shutdown');
    expect(child.isRunning).toBe(false);
  });
});

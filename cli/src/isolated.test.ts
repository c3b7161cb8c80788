import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type IsolatedOptions, type IsolatedOutcome, reportToParent, runIsolated } from './isolated.js';
import { CommandSignals } from './signals.js';

class FakeProcess extends EventEmitter {
  readonly sent: unknown[] = [];
  readonly channel = undefined;
  connected = true;
  env: NodeJS.ProcessEnv = { DRAKKAR_ISOLATED: '1' };
  send = (message: unknown): boolean => this.sent.push(message) > 0;
}

function reporting(change: (own: FakeProcess) => void = () => undefined): {
  own: FakeProcess;
  signals: CommandSignals;
} {
  const [own, signals] = [new FakeProcess(), new CommandSignals()];
  change(own);
  reportToParent(signals, own);
  return { own, signals };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('reportToParent', () => {
  it('gives signs of life, the first at once', () => {
    jest.useFakeTimers();
    const { own } = reporting();
    expect(own.sent).toEqual(['alive']);
    jest.advanceTimersByTime(10_000);
    expect(own.sent.length).toBeGreaterThan(5);
    expect(own.env).toEqual({});
  });

  it('stops when it is asked to, and when the parent has ended, be it before this process listens', () => {
    const asked = reporting();
    asked.own.emit('message', 'SIGINT');
    const left = reporting();
    left.own.emit('disconnect');
    const late = reporting((own) => (own.connected = false));
    const stopping = [asked, left, late].map(({ signals }) => signals.stopping);
    expect(stopping).toEqual(['SIGINT', 'SIGHUP', 'SIGHUP']);
    const end = 'the end of its parent process';
    expect([asked, left, late].map(({ signals }) => signals.reason)).toEqual(['SIGINT', end, end]);
  });

  it('does not use a channel that is there for something else', () => {
    const { own, signals } = reporting((each) => (each.env = {}));
    own.emit('message', 'SIGINT');
    expect({ sent: own.sent, stopping: signals.stopping }).toEqual({ sent: [], stopping: undefined });
  });
});

describe('runIsolated', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'drakkar-isolated-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  async function run(script: string, options: Partial<IsolatedOptions>): Promise<IsolatedOutcome> {
    const main = join(dir, 'main.mjs');
    await writeFile(main, script);
    return await runIsolated([], { signals: new CommandSignals(), main, ...options });
  }

  it('takes no success for one of which nothing was said', async () => {
    const silent = await run('process.exit(0);', {});
    expect(silent).toEqual({ kind: 'broken', how: { kind: 'code', exitCode: 0 } });
    const failed = await run('process.exit(2);', {});
    expect(failed).toEqual({ kind: 'exited', exitCode: 2, stdout: '' });
  });

  it('asks a process to stop that it was asked to stop before, and ends it when it is asked again', async () => {
    const before = new CommandSignals();
    before.requestStop('SIGINT');
    const obeying = "process.on('message', () => process.exit(130));";
    expect(await run(obeying, { signals: before })).toEqual({ kind: 'stopped' });
    const twice = new CommandSignals();
    const onAlive = (): void => {
      twice.receive('SIGINT');
      twice.receive('SIGINT');
    };
    const deaf = "process.on('message', () => undefined); process.send('alive');";
    expect(await run(deaf, { signals: twice, onAlive })).toEqual({ kind: 'stopped' });
  });

  it('ends a process that gives no sign of life', async () => {
    const outcome = await run('setInterval(() => undefined, 1_000);', { silenceLimitMs: 50 });
    expect(outcome).toEqual({ kind: 'broken', how: { kind: 'silent', limitMs: 50 } });
  });

  it('does not take a time in which it stood still itself for silence of the other', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask'] });
    // What is due is called late and once, before anything that has arrived meanwhile.
    const onAlive = (): void => void jest.advanceTimersToNextTimer();
    const outcome = await run("process.send('alive', () => console.log('done'));", { onAlive });
    expect(outcome).toEqual({ kind: 'exited', exitCode: 0, stdout: 'done\n' });
  });

  it('waits for one that does, however long it takes, and asks it to stop', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask'] });
    const signals = new CommandSignals();
    let signs = 0;
    const onAlive = (): void => {
      jest.advanceTimersByTime(900);
      if (++signs === 3) signals.requestStop('SIGINT');
    };
    const script = `
      for (let i = 0; i < 3; i++) process.send('alive');
      process.on('message', (signal) => {
        console.log(process.env.DRAKKAR_ISOLATED, signal);
        process.exit();
      });`;
    const outcome = await run(script, { signals, silenceLimitMs: 1_000, onAlive });
    expect(outcome).toEqual({ kind: 'exited', exitCode: 0, stdout: '1 SIGINT\n' });
  });
});

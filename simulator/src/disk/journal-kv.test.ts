import { describe, expect, it } from '@jest/globals';
import type { KVOp } from '@drakkar/raftio/kv';
import { Coverage } from '../world/coverage.js';
import { Dice } from '../world/dice.js';
import { Life } from '../world/life.js';
import { Scheduler } from '../world/scheduler.js';
import { Trace } from '../world/trace.js';
import { JournalKV } from './journal-kv.js';
import { valuePlaces } from './journal-record.js';
import { VirtualDisk } from './virtual-disk.js';
import { VirtualFileSystem } from './virtual-file-system.js';

const DIR = '/log';
const key = (number: number): Uint8Array => Uint8Array.of(number);
const put = (number: number, text: string): KVOp => ({
  type: 'put',
  key: key(number),
  value: Buffer.from(text),
});

/** A machine whose process can be started again after a crash. */
class Machine {
  readonly scheduler = new Scheduler(new Trace());
  readonly disk: VirtualDisk;
  #life: Life;

  constructor(seed: number) {
    this.disk = new VirtualDisk(new Dice(seed), new Coverage());
    this.#life = new Life('h1', 1, this.scheduler);
  }

  async open(): Promise<JournalKV> {
    this.#life.end('crash');
    this.#life = new Life('h1', 1, this.scheduler);
    const fs = new VirtualFileSystem(this.disk, this.#life, this.scheduler);
    await this.living(fs.makeDir(DIR));
    await this.living(fs.syncDir('/'));
    return await this.living(JournalKV.open(fs, DIR));
  }

  /** The process dies in its `count`-th call from now, and the power goes with it. */
  crashAfterCalls(count: number): void {
    this.#life.onEnd(() => this.disk.crash());
    this.#life.endAfterCalls(count, false);
  }

  /** The process is killed in its `count`-th call from now; the machine goes on. */
  killAfterCalls(count: number): void {
    this.#life.endAfterCalls(count, false);
  }

  get isUp(): boolean {
    return this.#life.isAlive;
  }

  async living<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const ended = (): void => void (isOver = true);
    work.then(ended, ended);
    await this.scheduler.run(() => isOver);
    return await work;
  }

  /** Begins something that the process may not live to end. */
  async tryTo(work: () => Promise<void>): Promise<boolean> {
    let isDone = false;
    void work().then(() => (isDone = true));
    await this.scheduler.run(() => isDone || !this.isUp);
    return isDone;
  }
}

async function content(machine: Machine, kv: JournalKV): Promise<string> {
  const range = { start: key(0), end: key(255), limit: 1_000, maxSizeBytes: 1_000_000 };
  const { pairs } = await machine.living(kv.getRange(range));
  return pairs.map((pair) => `${pair.key[0]}=${Buffer.from(pair.value).toString()}`).join(' ');
}

describe('JournalKV', () => {
  it('keeps what was written, through restarts and compactions', async () => {
    const machine = new Machine(1);
    let kv = await machine.open();
    const long = 'z'.repeat(3_000);
    for (let i = 0; i < 100; i++) await machine.living(kv.write([put(i % 5, `${i}${long}`), put(9, `${i}`)]));
    await machine.living(kv.write([{ type: 'deleteRange', start: key(1), end: key(4) }, put(2, 'again')]));
    await machine.living(kv.write([{ type: 'delete', key: key(0) }]));
    const before = await content(machine, kv);
    expect(before).toBe(`2=again 4=99${long} 9=99`);
    kv = await machine.open();
    expect(await content(machine, kv)).toBe(before);
    const sizes = machine.disk.files().map(({ file }) => file.current.length);
    expect(sizes).toHaveLength(1);
    expect(sizes[0]).toBeLessThan(300_000);
    expect(await machine.living(kv.getFloorKey(key(3), key(0)))).toEqual(key(2));
    expect(await machine.living(kv.getFloorKey(key(3), key(3)))).toBeUndefined();
  });

  it('has all of a write or nothing after a crash, and all that was acknowledged', async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const machine = new Machine(seed);
      const kv = await machine.open();
      await machine.living(kv.write([put(1, 'a'), put(2, 'a')]));
      machine.crashAfterCalls(1 + (seed % 6));
      let acknowledged = 'a';
      for (const text of ['b', 'c', 'd']) {
        if (machine.isUp && (await machine.tryTo(() => kv.write([put(1, text), put(2, text)]))))
          acknowledged = text;
      }
      const after = await content(machine, await machine.open());
      const [first, second] = after.split(' ').map((pair) => pair.slice(2));
      expect(second).toBe(first);
      expect([acknowledged, String.fromCharCode(acknowledged.charCodeAt(0) + 1)]).toContain(first);
      outcomes.add(first === acknowledged ? 'acknowledged' : 'one more');
    }
    expect(outcomes.size).toBe(2);
  });

  it('keeps what it has once opened with, though the process before was killed and the power fails then', async () => {
    const long = 'z'.repeat(30_000);
    for (let calls = 1; calls <= 40; calls++) {
      const machine = new Machine(calls);
      const kv = await machine.open();
      machine.killAfterCalls(calls);
      for (let i = 0; i < 12 && machine.isUp; i++)
        await machine.tryTo(() => kv.write([put(1, `${i}${long}`)]));
      const opened = await content(machine, await machine.open());
      machine.disk.crash();
      expect(await content(machine, await machine.open())).toBe(opened);
    }
  });

  it('gives values that were changed on the disk as they are now', async () => {
    const machine = new Machine(1);
    const kv = await machine.open();
    for (const text of ['first', 'second']) await machine.living(kv.write([put(1, text)]));
    await machine.living(kv.write([put(2, 'last')]));
    const [journal] = machine.disk.files();
    const places = valuePlaces(journal?.file.current.view() ?? new Uint8Array(0));
    expect(places.map(({ sizeBytes }) => sizeBytes)).toEqual([5, 6]);
    journal?.file.flip(places[1]?.offset ?? 0, 0);
    expect(await content(machine, await machine.open())).toBe('1=recond 2=last');
  });
});

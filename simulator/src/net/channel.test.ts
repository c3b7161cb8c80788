import { beforeEach, describe, expect, it } from '@jest/globals';
import { Coverage } from '../world/coverage.js';
import { Dice } from '../world/dice.js';
import { Life } from '../world/life.js';
import { Scheduler } from '../world/scheduler.js';
import { Trace } from '../world/trace.js';
import { Channel } from './channel.js';
import { Network } from './network.js';

let scheduler: Scheduler;
let network: Network;
let sender: Life;
let receiver: Life;
let taken: string[];
let hungUp: number;

beforeEach(() => {
  const trace = new Trace();
  scheduler = new Scheduler(trace);
  network = new Network(scheduler, trace, new Coverage(), new Dice(1));
  sender = new Life('a', 1, scheduler);
  receiver = new Life('b', 1, scheduler);
  taken = [];
  hungUp = 0;
});

const bytes = (text: string): Uint8Array => Buffer.from(text);

function open(bufferBytes = 1_000, isStream = false, handOn?: () => Promise<boolean>): Channel {
  const take = (item: Uint8Array): Promise<boolean> | boolean => {
    taken.push(Buffer.from(item).toString());
    return handOn?.() ?? true;
  };
  const ends = { sender, receiver, from: 'a:1', to: 'b:1' };
  return new Channel(network, ends, { bufferBytes, isStream }, take, () => void hungUp++);
}

/** How a promise has ended by a time. */
async function outcomeAt(atMs: number, promise: Promise<unknown>): Promise<string> {
  let outcome = 'pending';
  promise.then(
    () => (outcome = 'resolved'),
    (error: unknown) => (outcome = String((error as { code?: string }).code)),
  );
  await pass(atMs);
  return outcome;
}

async function pass(forMs: number): Promise<void> {
  let isOver = false;
  void scheduler.sleep(forMs).then(() => (isOver = true));
  await scheduler.run(() => isOver);
}

describe('Channel', () => {
  it('delivers in order, whatever the delays', async () => {
    network.quality = { lossRate: 0, spikeRate: 0.5, spikeMs: 500, latencyMs: 30 };
    const channel = open();
    const sent = Array.from({ length: 30 }, (_, i) => `item ${i}`);
    for (const item of sent) void channel.send(bytes(item));
    await pass(20_000);
    expect(taken).toEqual(sent);
  });

  it('makes the sender wait when too much is under way', async () => {
    const channel = open(10);
    network.block('a:1', 'b:1');
    expect(await outcomeAt(20, channel.send(bytes('12345678')))).toBe('resolved');
    const second = channel.send(bytes('12345678'));
    expect(await outcomeAt(20, second)).toBe('pending');
    network.heal();
    expect(await outcomeAt(500, second)).toBe('resolved');
    expect(taken).toHaveLength(2);
  });

  it('holds data back on a blocked way, and breaks when it lasts', async () => {
    const channel = open();
    network.block('a:1', 'b:1');
    void channel.send(bytes('late'));
    await pass(50);
    expect(taken).toEqual([]);
    network.heal();
    await pass(200);
    expect(taken).toEqual(['late']);
    network.block('a:1', 'b:1');
    void channel.send(bytes('lost'));
    expect(await outcomeAt(10_000, channel.closed)).toBe('resolved');
    expect(await outcomeAt(1, channel.send(bytes('refused')))).toBe('ERR_CONNECTION_CLOSED');
    expect(taken).toEqual(['late']);
    expect(hungUp).toBe(1);
  });

  it('breaks when nothing comes back', async () => {
    const channel = open();
    network.block('b:1', 'a:1');
    void channel.send(bytes('heard'));
    expect(await outcomeAt(10_000, channel.closed)).toBe('resolved');
    expect(taken).toEqual(['heard']);
  });

  it('loses what a bad network loses, but no chunk of a stream', async () => {
    network.quality = { lossRate: 1, spikeRate: 0, spikeMs: 0, latencyMs: 1 };
    void open().send(bytes('a'));
    void open(1_000, true).send(bytes('chunk'));
    await pass(1_000);
    expect(taken).toEqual(['chunk']);
  });

  it('gives a stream its next chunk when the one before is taken, and ends when one is refused', async () => {
    const answers: ((isTaken: boolean) => void)[] = [];
    const channel = open(1_000, true, () => new Promise((resolve) => answers.push(resolve)));
    for (const chunk of ['1', '2', '3']) void channel.send(bytes(chunk));
    const drained = channel.drain();
    await pass(100);
    expect(taken).toEqual(['1']);
    answers[0]?.(true);
    await pass(100);
    expect(taken).toEqual(['1', '2']);
    answers[1]?.(false);
    expect(await outcomeAt(100, drained)).toBe('ERR_CONNECTION_CLOSED');
    expect(taken).toEqual(['1', '2']);
  });

  it('sends nothing to a stopped process, and ends with either of them', async () => {
    const channel = open();
    receiver.pause();
    void channel.send(bytes('waits'));
    await pass(1_000);
    expect(taken).toEqual([]);
    receiver.resume();
    await pass(100);
    expect(taken).toEqual(['waits']);
    receiver.end('killed');
    expect(await outcomeAt(100, channel.closed)).toBe('resolved');
    expect(network.channels.size).toBe(0);
  });

  it('sends what is small in one turn, however many messages, beside a connection that is busy', async () => {
    network.links = { messageBytesPerMs: 100, streamBytesPerMs: 100, isShared: true };
    const [busy, channel] = [open(1_000_000), open()];
    void busy.send(new Uint8Array(500_000));
    for (let i = 0; i < 50; i++) void channel.send(bytes('m'));
    // A turn of the other one takes 164 ms.
    await scheduler.run(() => taken.length === 50);
    expect(scheduler.nowMs).toBeLessThan(250);
  });

  it('gives another connection its turn before what does not fit into the present one', async () => {
    network.links = { messageBytesPerMs: 100, streamBytesPerMs: 100, isShared: true };
    const [busy, channel] = [open(1_000_000), open(100_000)];
    void busy.send(new Uint8Array(500_000));
    for (let i = 0; i < 3; i++) void channel.send(new Uint8Array(10_000));
    await scheduler.run(() => taken.length === 3);
    expect(scheduler.nowMs).toBeGreaterThan(3 * (100 + 163));
  });
});

import { describe, expect, it } from '@jest/globals';
import { fakeChannel } from '../testing/fake-channel.js';
import { FramePort } from './frame-port.js';
import { FrameType, makeFrame } from './frames.js';

const MIB = 1024 * 1024;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Bytes of More frames, in all `sizeBytes`. */
function frames(sizeBytes: number): Uint8Array {
  const one = makeFrame(FrameType.More, new Uint8Array(64 * 1024 - 5));
  return new Uint8Array(Buffer.concat(Array.from({ length: sizeBytes / one.length }, () => one)));
}

describe('a frame port', () => {
  it('reads so much in a turn, the rest in later ones, and then the end', async () => {
    const { channel, arrive } = fakeChannel();
    let count = 0;
    const ends: unknown[] = [];
    const handlers = { onFrame: () => (count += 1), onEnd: (reason: unknown) => ends.push(reason) };
    const port = new FramePort(channel, handlers);
    port.handOver(handlers, 2 * MIB);
    for (let i = 0; i < 6; i++) arrive.onData(frames(MIB / 2));
    arrive.onEnd(undefined);
    expect([count, ends.length, port.bytesRead]).toEqual([16, 0, 3 * MIB]);
    await turn();
    expect([count, ends.length]).toEqual([32, 0]);
    await turn();
    expect([count, ends]).toEqual([48, [undefined]]);
  });

  it('reads nothing more once it is destroyed', async () => {
    const { channel, arrive, ends } = fakeChannel();
    let count = 0;
    const handlers = { onFrame: () => (count += 1), onEnd: () => (count += 1000) };
    const port = new FramePort(channel, handlers);
    port.handOver(handlers, 2 * MIB);
    for (let i = 0; i < 6; i++) arrive.onData(frames(MIB / 2));
    port.destroy();
    arrive.onEnd(undefined);
    await turn();
    await turn();
    expect([count, ends]).toEqual([16, ['destroy']]);
  });

  it('does not hold more for later turns than a peer may have under way', async () => {
    const { channel, arrive } = fakeChannel();
    let bytesHeard = 0;
    const ends: unknown[] = [];
    const handlers = {
      onFrame: (_type: FrameType, payload: Uint8Array) => (bytesHeard += payload.length),
      onEnd: (reason: unknown) => ends.push(reason),
    };
    const port = new FramePort(channel, handlers);
    for (let i = 0; i < 4; i++) arrive.onData(frames(MIB / 2));
    await turn();
    expect([bytesHeard > 1.9 * MIB, ends]).toEqual([true, []]);
    await turn();
    port.handOver(handlers, MIB);
    // Of these, one turn's worth is read at most, which is not to be relied on.
    for (let i = 0; i < 4; i++) arrive.onData(frames(MIB / 2));
    expect(ends).toEqual([]);
    for (let i = 0; i < 3; i++) arrive.onData(frames(MIB / 2));
    expect(ends).toEqual([expect.objectContaining({ code: 'ERR_MALFORMED' })]);
    expect(port.isOpen).toBe(false);
    const atTheEnd = bytesHeard;
    await turn();
    expect(bytesHeard).toBe(atTheEnd);
  });

  it('writes what is sent in one turn at once, and before it closes', async () => {
    const { channel, written, ends } = fakeChannel();
    const port = new FramePort(channel, { onFrame: () => undefined, onEnd: () => undefined });
    port.send(FrameType.Ping);
    port.send(FrameType.Credit, new Uint8Array(4));
    expect(written.length).toBe(0);
    await turn();
    expect(written.map((bytes) => [...bytes])).toEqual([[9, 0, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 0]]);
    port.send(FrameType.Done);
    port.close();
    expect([written.length, ends]).toEqual([2, ['close']]);
    port.send(FrameType.Ping);
    await turn();
    expect(written.length).toBe(2);
  });

  it('ends with what a handler throws', () => {
    const { channel, arrive } = fakeChannel();
    const ends: unknown[] = [];
    const failure = new Error('malformed');
    const port = new FramePort(channel, {
      onFrame: () => {
        throw failure;
      },
      onEnd: (reason) => ends.push(reason),
    });
    arrive.onData(makeFrame(FrameType.Ping));
    arrive.onData(makeFrame(FrameType.Ping));
    expect([ends, port.isOpen]).toEqual([[failure], false]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { MAX_MESSAGE_BYTES } from '../constants.js';
import { SendQueue } from './send-queue.js';
import { isSettled } from './testing/hosts.js';

function queueOf(highWaterMarkBytes: number): {
  queue: SendQueue<number>;
  written: number[];
  drain: (bytes: number) => void;
} {
  const written: number[] = [];
  let level = 0;
  const queue = new SendQueue<number>({
    encode: (size) => {
      if (size < 0) throw new RangeError('cannot be encoded');
      return { length: size } as Uint8Array;
    },
    write: ({ length }) => {
      written.push(length);
      level += length;
    },
    level: () => level,
    highWaterMarkBytes,
  });
  return {
    queue,
    written,
    drain: (bytes) => {
      level -= bytes;
      queue.pump();
    },
  };
}

describe('SendQueue', () => {
  it('writes at once while there is room, and keeps order when there is none', async () => {
    const { queue, written, drain } = queueOf(10);
    await queue.send(4);
    const second = queue.send(6);
    const third = queue.send(7);
    const fourth = queue.send(8);
    expect(written).toEqual([4, 6]);
    expect(await isSettled(second)).toBe(false);
    drain(4);
    await second;
    expect(written).toEqual([4, 6, 7]);
    expect(await isSettled(third)).toBe(false);
    drain(6);
    await third;
    expect(written).toEqual([4, 6, 7, 8]);
    drain(15);
    await fourth;
  });

  it('rejects what is too large or can not be encoded, in its turn, and goes on', async () => {
    const { queue, written, drain } = queueOf(10);
    await expect(queue.send(MAX_MESSAGE_BYTES + 1)).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' });
    await expect(queue.send(-1)).rejects.toThrow('cannot be encoded');
    const first = queue.send(10);
    const large = expect(queue.send(MAX_MESSAGE_BYTES + 1)).rejects.toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
    });
    const last = queue.send(1);
    drain(10);
    await Promise.all([first, large, last]);
    expect(written).toEqual([10, 1]);
  });

  it('rejects all that waits and all to come when it fails, with the first failure', async () => {
    const { queue, written, drain } = queueOf(10);
    const waiting = [queue.send(10), queue.send(1)].map((sent) => expect(sent).rejects.toThrow('first'));
    queue.fail(new Error('first'));
    queue.fail(new Error('second'));
    await Promise.all(waiting);
    await expect(queue.send(1)).rejects.toThrow('first');
    drain(10);
    expect(written).toEqual([10]);
  });
});

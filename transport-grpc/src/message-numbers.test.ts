import { describe, expect, it } from '@jest/globals';
import { MessageNumbers } from './message-numbers.js';

const LARGEST = 0xffff_ffff;
const MESSAGE = Uint8Array.of(1, 2, 3);

describe('MessageNumbers', () => {
  it('begins again at 0 behind the largest number, on both sides', () => {
    const [sender, receiver] = [new MessageNumbers(LARGEST - 1), new MessageNumbers(LARGEST - 1)];
    const sent = Array.from({ length: 4 }, () => sender.added(MESSAGE));
    expect(sent.map((bytes) => Buffer.from(bytes.subarray(3)).toString('hex'))).toEqual([
      'fffffffe',
      'ffffffff',
      '00000000',
      '00000001',
    ]);
    for (const bytes of sent) expect([...(receiver.removed(bytes) ?? [])]).toEqual([...MESSAGE]);
  });

  it.each([
    ['missing', [0, 2]],
    ['repeated', [0, 0]],
    ['exchanged', [1, 0]],
  ])('takes no message when one is %s', (_what, order) => {
    const sender = new MessageNumbers();
    const sent = Array.from({ length: 3 }, () => sender.added(MESSAGE));
    const receiver = new MessageNumbers();
    const taken = order.map((number) => receiver.removed(sent[number] as Uint8Array));
    expect(taken.at(order[0] === 0 ? 1 : 0)).toBeUndefined();
  });

  it('takes nothing shorter than a number, and an empty message with one', () => {
    expect(new MessageNumbers().removed(new Uint8Array(3))).toBeUndefined();
    expect(new MessageNumbers().removed(new Uint8Array(4))).toHaveLength(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import { Link } from './link.js';
import { FramePort } from './protocol/frame-port.js';
import { FrameType, makeFrame } from './protocol/frames.js';
import { fakeChannel } from './testing/fake-channel.js';

const SWEEPS = 5;

/** A link, and how many sweeps of `count` it lives through; `packetsRead` is what the engine counts before each. */
function sweptLink(packetsRead: (sweep: number) => number | undefined) {
  let sweeps = 0;
  const { channel, arrive } = fakeChannel();
  const handlers = { onFrame: () => undefined, onEnd: () => undefined };
  const port = new FramePort({ ...channel, packetsRead: () => packetsRead(sweeps) }, handlers);
  const terms = { windowBytes: 1024, peerWindowBytes: 1024, creditStepBytes: 512, peer: 'peer' };
  const link = new Link(port, terms);
  const survives = (count: number): number => {
    let survived = 0;
    for (; survived < count && link.isOpen; survived++) {
      sweeps++;
      link.sweep(SWEEPS, 10_000);
    }
    return survived;
  };
  return { link, arrive, survives };
}

describe('a link', () => {
  it.each([
    ['nothing arrives', () => 7, SWEEPS + 1],
    ['nothing arrives, where the engine does not count packets', () => undefined, SWEEPS],
    ['packets arrive and nothing can be read', (sweep: number) => sweep, 2 * SWEEPS],
  ])('gives the peer up when %s', (_what, packetsRead, expected) => {
    const { link, survives } = sweptLink(packetsRead);
    expect([survives(100), link.isOpen]).toEqual([expected, false]);
  });

  it('keeps a peer that can be read from', () => {
    const { link, arrive, survives } = sweptLink(() => 7);
    for (let i = 0; i < 4 * SWEEPS; i++) {
      arrive.onData(makeFrame(FrameType.Ping));
      survives(1);
    }
    expect(link.isOpen).toBe(true);
  });
});

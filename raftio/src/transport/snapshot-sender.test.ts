import { describe, expect, it } from '@jest/globals';
import { ErrConnectionClosed } from '../errors.js';
import { SnapshotSender } from './snapshot-sender.js';
import { isSettled, numberedChunk } from './testing/hosts.js';

function senderOf(highWaterMarkBytes: number): {
  sender: SnapshotSender;
  written: (number | 'end')[];
  drain: () => void;
} {
  const written: (number | 'end')[] = [];
  let level = 0;
  const sender = new SnapshotSender({
    write: ({ length }) => {
      written.push(length);
      level += length;
    },
    writeEnd: () => {
      written.push('end');
    },
    level: () => level,
    highWaterMarkBytes,
  });
  return {
    sender,
    written,
    drain: () => {
      level = 0;
      sender.pump();
    },
  };
}

const closed = { code: 'ERR_CONNECTION_CLOSED' };

describe('SnapshotSender', () => {
  it('sends the end behind all chunks, and is finished when the receiver has said so', async () => {
    const { sender, written, drain } = senderOf(1);
    const sent = sender.send(numberedChunk(0, 1, new Uint8Array(8)));
    const finished = sender.finish();
    expect(written).toHaveLength(1);
    expect(sender.endSent).toBe(false);
    drain();
    await sent;
    expect(written).toEqual([expect.any(Number), 'end']);
    expect(sender.endSent).toBe(true);
    expect(await isSettled(finished)).toBe(false);
    sender.complete();
    await finished;
    await expect(sender.finish()).resolves.toBeUndefined();
  });

  it('takes no chunk once it is to finish', async () => {
    const { sender, written } = senderOf(1000);
    const finished = sender.finish();
    await expect(sender.send(numberedChunk(0, 1, new Uint8Array(8)))).rejects.toMatchObject(closed);
    expect(written).toEqual(['end']);
    sender.complete();
    await finished;
    await expect(sender.send(numberedChunk(0, 1, new Uint8Array(8)))).rejects.toMatchObject(closed);
  });

  it('reports to waiting callers how it ended first', async () => {
    const { sender } = senderOf(1);
    const sent = sender.send(numberedChunk(0, 1, new Uint8Array(8)));
    const finished = sender.finish();
    sender.failRefused('host-2:1');
    sender.fail(new ErrConnectionClosed('later'));
    sender.complete();
    const refused = { ...closed, details: { refused: true } };
    await expect(sent).rejects.toMatchObject(refused);
    await expect(finished).rejects.toMatchObject(refused);
    await expect(sender.send(numberedChunk(0, 1, new Uint8Array(8)))).rejects.toMatchObject(refused);
  });

  it('is over, too, when the receiver has said so before its end was sent', async () => {
    const { sender } = senderOf(1);
    const sent = sender.send(numberedChunk(0, 1, new Uint8Array(8)));
    sender.complete();
    await expect(sent).rejects.toMatchObject(closed);
    await expect(sender.finish()).rejects.toMatchObject(closed);
  });

  it('is cut by its own side', async () => {
    const { sender } = senderOf(1000);
    const error = sender.cut();
    expect(error).toMatchObject(closed);
    sender.fail(new ErrConnectionClosed('later'));
    await expect(sender.send(numberedChunk(0, 1, new Uint8Array(8)))).rejects.toBe(error);
    await expect(sender.finish()).rejects.toBe(error);
  });
});

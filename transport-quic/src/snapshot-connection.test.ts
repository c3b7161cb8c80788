import { describe, expect, it } from '@jest/globals';
import { isSettled, numberedChunk } from '@drakkar/raftio/transport/testing';
import { Link } from './link.js';
import { FramePort } from './protocol/frame-port.js';
import { FrameType, makeFrame } from './protocol/frames.js';
import { SnapshotConnection } from './snapshot-connection.js';
import { fakeChannel } from './testing/fake-channel.js';

const WINDOW_BYTES = 2048;

function connect(): {
  connection: SnapshotConnection;
  hear: (type: FrameType, payload?: Uint8Array) => void;
} {
  const { channel, arrive } = fakeChannel();
  const handlers = { onFrame: () => undefined, onEnd: () => undefined };
  const link = new Link(new FramePort(channel, handlers), {
    peer: 'peer',
    windowBytes: WINDOW_BYTES,
    peerWindowBytes: WINDOW_BYTES,
    creditStepBytes: 1,
  });
  return {
    connection: new SnapshotConnection(link, 10 * WINDOW_BYTES),
    hear: (type, payload) => {
      arrive.onData(makeFrame(type, payload));
    },
  };
}

describe('a snapshot stream that the receiver calls complete', () => {
  it('has failed when some of it was not sent yet', async () => {
    const { connection, hear } = connect();
    // More than the window allows: a part of it waits for credit, and the end behind it.
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(2 * WINDOW_BYTES)));
    const finished = connection.finish();
    hear(FrameType.Done);
    await expect(finished).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  it('is complete when all of it was sent', async () => {
    const { connection, hear } = connect();
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(100)));
    const finished = connection.finish();
    expect(await isSettled(finished)).toBe(false);
    hear(FrameType.Done);
    await finished;
  });
});

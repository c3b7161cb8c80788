import { describe, expect, it } from '@jest/globals';
import { status as Status } from '@grpc/grpc-js';
import { MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import { Arrivals, Warnings } from '@drakkar/raftio/transport';
import { RecordingSink } from '@drakkar/raftio/transport/testing';
import { NUMBER_BYTES } from './message-numbers.js';
import { MessageReceiver, SnapshotReceiver } from './receivers.js';

const PEER = { name: 'peer:1', identity: undefined };
const warnings = new Warnings(() => undefined);
const arrival = () => new Arrivals(undefined).from(PEER.name);

/** How the stream ends on nothing but zeros, which are no batch and no chunk of any size. */
const messages = (sizeBytes: number, isNumbered: boolean) => {
  const receiver = new MessageReceiver(() => undefined, arrival(), PEER, warnings);
  receiver.introduced({ isDrakkar: true, isNumbered });
  return receiver.receive(new Uint8Array(sizeBytes))?.code;
};

describe('a message of the largest size', () => {
  it('is taken with and without a number, and none above it is', async () => {
    const chunks = SnapshotReceiver.open(() => new RecordingSink(), arrival(), PEER, warnings);
    const ends = [
      messages(MAX_MESSAGE_BYTES, false),
      messages(MAX_MESSAGE_BYTES + 1, false),
      messages(MAX_MESSAGE_BYTES + NUMBER_BYTES, true),
      messages(MAX_MESSAGE_BYTES + NUMBER_BYTES + 1, true),
      (await chunks?.receive(new Uint8Array(MAX_MESSAGE_BYTES)))?.code,
      (await chunks?.receive(new Uint8Array(MAX_MESSAGE_BYTES + 1)))?.code,
    ];
    const [read, tooLarge] = [Status.INVALID_ARGUMENT, Status.RESOURCE_EXHAUSTED];
    expect(ends).toEqual([read, tooLarge, read, tooLarge, read, tooLarge]);
  });
});

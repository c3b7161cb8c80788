import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { type Client, Metadata, status as Status } from '@grpc/grpc-js';
import { type Message, MessageType } from '@drakkar/raftio';
import { isSettled, numberedBatch, numberedChunk } from '@drakkar/raftio/transport/testing';
import type { Attempt } from './attempt.js';
import type { OutgoingCall } from './dial.js';
import { MessageConnection } from './message-connection.js';
import { OutgoingStream } from './outgoing-stream.js';
import { Patience } from './peer-kind.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** A call whose library reports what it is told to, when it is told to. */
class ScriptedCall extends EventEmitter {
  readonly reports: (() => void)[] = [];
  readonly attempt = {
    isAlive: true,
    bytesRead: 0,
    bytesWritten: 0,
    unsentBytes: 0,
    state: { target: 'peer:1' },
    destroy: () => Promise.resolve(),
  };
  readonly stream: OutgoingStream;

  constructor({ isForMessages = true, answers = true } = {}) {
    super();
    this.stream = new OutgoingStream(
      {
        attempt: this.attempt as unknown as Attempt,
        client: { close: () => undefined } as Client,
        call: this as unknown as OutgoingCall,
        asksForNumbers: isForMessages,
        setupMs: 0,
      },
      { closeTimeoutMs: 1000, patience: new Patience(answers ? 60_000 : 1, 60_000), isForMessages },
    );
    if (answers) this.answer({ 'drakkar-ping-interval-ms': '2000' });
  }

  /** A host of Drakkar says so. */
  answer(headers: Record<string, string>): void {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    this.emit('metadata', metadata);
  }

  /** @returns whether the stream is open after so many sweeps, three of which without a sign are the end */
  sweep(count: number): boolean {
    for (let i = 0; i < count; i += 1) this.stream.sweep(3, 10_000);
    return this.stream.isOpen;
  }

  write(_bytes: Uint8Array, report: () => void): void {
    this.reports.push(report);
  }

  /** The library says that the oldest write is done, as it also does when the write has failed. */
  reportWrite(): void {
    this.reports.shift()?.();
  }

  status(code: Status): void {
    this.emit('status', { code, details: 'scripted', metadata: new Metadata() });
  }

  resume(): void {
    // Nothing is read.
  }

  end(): void {
    // Nothing is sent.
  }

  cancel(): void {
    // The status is the script's.
  }
}

const CLOSED = { code: 'ERR_CONNECTION_CLOSED' };

/** Whatever is ready to happen in a few turns of the event loop has happened. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i += 1) await turn();
}

describe('a write that is reported as done', () => {
  it('lets the pending batch pass while the connection lives', async () => {
    const call = new ScriptedCall();
    const sent = new MessageConnection(call.stream, 1, () => undefined).sendMessageBatch(numberedBatch(1));
    await turns();
    expect(await isSettled(sent)).toBe(false);
    call.reportWrite();
    await sent;
  });

  it('leaves the pending batch to the status when the connection is known to be dead', async () => {
    const call = new ScriptedCall();
    const sent = new MessageConnection(call.stream, 1, () => undefined).sendMessageBatch(numberedBatch(1));
    call.attempt.isAlive = false;
    call.reportWrite();
    await turns();
    expect(await isSettled(sent)).toBe(false);
    call.status(Status.UNAVAILABLE);
    await expect(sent).rejects.toMatchObject(CLOSED);
  });

  it('leaves the pending batch to the status when the next look at the socket shows it dead', async () => {
    const call = new ScriptedCall();
    const connection = new MessageConnection(call.stream, 1, () => undefined);
    const sends = [
      connection.sendMessageBatch(numberedBatch(1)),
      connection.sendMessageBatch(numberedBatch(2)),
    ];
    const outcomes = Promise.allSettled(sends);
    call.reportWrite();
    setImmediate(() => {
      call.attempt.isAlive = false;
    });
    await turns();
    expect(call.reports).toEqual([]); // The second is not written to what is dead.
    call.status(Status.UNAVAILABLE);
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('does not confirm one that is reported later', async () => {
    const call = new ScriptedCall();
    const connection = new MessageConnection(call.stream, 1_000_000, () => undefined);
    const sends = Array.from({ length: 5 }, (_, i) => connection.sendMessageBatch(numberedBatch(i)));
    expect(await isSettled(sends[2] as Promise<void>)).toBe(true);
    const [fourth, fifth] = sends.slice(3) as [Promise<void>, Promise<void>];
    call.reportWrite();
    await turn();
    call.attempt.isAlive = false;
    call.reportWrite();
    await turns();
    expect(await isSettled(fourth)).toBe(false);
    call.status(Status.UNAVAILABLE);
    await expect(fourth).rejects.toMatchObject(CLOSED);
    await expect(fifth).rejects.toMatchObject(CLOSED);
  });
});

describe('a peer that is given up', () => {
  it('was taken for Dragonboat, and nothing passes in either direction while messages wait', async () => {
    const call = new ScriptedCall({ answers: false });
    expect(await call.stream.peerKind).toBe('dragonboat');
    const connection = new MessageConnection(call.stream, 1, () => undefined);
    expect(call.sweep(10)).toBe(true);
    const sent = connection.sendMessageBatch(numberedBatch(1));
    const outcome = expect(sent).rejects.toMatchObject({
      message: expect.stringContaining('no sign of life from peer:1 for 10000 ms'),
    });
    expect(call.sweep(2)).toBe(true);
    call.attempt.bytesWritten += 1;
    expect(call.sweep(3)).toBe(true);
    call.attempt.bytesRead += 1;
    expect(call.sweep(3)).toBe(true);
    expect(call.sweep(1)).toBe(false);
    await outcome;
  });

  it('was taken for Dragonboat, and all that there was for it were messages that Dragonboat does not know', async () => {
    const call = new ScriptedCall({ answers: false });
    await call.stream.peerKind;
    let withheld = 0;
    const connection = new MessageConnection(call.stream, 1, () => (withheld += 1));
    const { requests, ...batch } = numberedBatch(1);
    const preVote = { ...requests[0], type: MessageType.RequestPreVote } as Message;
    const withhold = (): Promise<void> => connection.sendMessageBatch({ ...batch, requests: [preVote] });
    await withhold();
    expect(withheld).toBe(1);
    expect(call.sweep(2)).toBe(true);
    call.attempt.bytesRead += 1;
    expect(call.sweep(10)).toBe(true);
    await withhold();
    expect(call.sweep(3)).toBe(false);
  });

  it('shows signs of life, but takes none of the messages that wait', async () => {
    const call = new ScriptedCall();
    const connection = new MessageConnection(call.stream, 1, () => undefined);
    const live = (sweeps: number, writtenBytes: number): boolean => {
      for (let i = 0; i < sweeps; i += 1) {
        call.attempt.bytesRead += 17;
        call.attempt.bytesWritten += writtenBytes;
        call.sweep(1);
      }
      return call.stream.isOpen;
    };
    expect(live(50, 17)).toBe(true);
    const sent = connection.sendMessageBatch(numberedBatch(1));
    const outcome = expect(sent).rejects.toMatchObject({
      message: 'peer:1 has taken no message for 40000 ms',
    });
    expect(live(50, 200)).toBe(true);
    expect(live(11, 17)).toBe(true);
    expect(live(1, 17)).toBe(false);
    await outcome;
  });

  it.each([true, false])(
    'is none that takes a large message by a slow line (says that it pings: %s)',
    async (answers) => {
      const call = new ScriptedCall({ answers });
      await turns();
      if (!answers) await call.stream.peerKind;
      const connection = new MessageConnection(call.stream, 1, () => undefined);
      const outcome = expect(connection.sendMessageBatch(numberedBatch(1))).rejects.toMatchObject(CLOSED);
      call.attempt.unsentBytes = 4_000_000; // Nothing is read until they have gone.
      for (let i = 0; i < 10; i += 1) {
        call.attempt.bytesWritten += 80_000; // The system takes some when a third of its buffer is free again.
        expect(call.sweep(12)).toBe(true);
      }
      expect(call.sweep(1)).toBe(false);
      await outcome;
    },
  );

  it('is none that a snapshot waits for', async () => {
    const call = new ScriptedCall({ answers: false, isForMessages: false });
    await call.stream.peerKind;
    const snapshots = new SnapshotConnection(call.stream, 1);
    const sent = snapshots.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(1)));
    expect(call.sweep(50)).toBe(true);
    call.reportWrite();
    await sent;
  });

  it('reports who it is and not how often it pings, as every host of Drakkar does', async () => {
    const call = new ScriptedCall({ answers: false });
    call.answer({ 'drakkar-host': 'peer:1' });
    await expect(call.stream.closed).resolves.toMatchObject({
      message: 'what peer:1 said of itself was damaged on the way',
    });
  });
});

describe('the end of a snapshot stream', () => {
  it('is no success when it comes before everything was written', async () => {
    const call = new ScriptedCall();
    const connection = new SnapshotConnection(call.stream, 1_000_000);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(1)));
    const finished = connection.finish();
    call.status(Status.OK);
    await expect(finished).rejects.toMatchObject(CLOSED);
  });

  it('is one when everything was written', async () => {
    const call = new ScriptedCall();
    const connection = new SnapshotConnection(call.stream, 1_000_000);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(1)));
    const finished = connection.finish();
    call.reportWrite();
    call.status(Status.OK);
    await finished;
  });
});

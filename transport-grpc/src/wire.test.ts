import { once } from 'node:events';
import {
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  createServer,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type MessageBatch,
  MessageType,
  decodeMessageBatch,
  decodeSnapshotChunk,
  encodeMessageBatch,
  encodeSnapshotChunk,
  makeMessage,
} from '@drakkar/raftio';
import {
  RecordingSink,
  type TestHost,
  TestHosts,
  isSettled,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';
import { Http2Peer, framed } from './testing/http2-peer.js';

/** As Dragonboat's transport.proto has them. */
const RAFT_MESSAGE = '/transportpb.Transport/RaftMessage';
const RAFT_SNAPSHOT = '/transportpb.Transport/RaftSnapshot';

const hosts = new TestHosts(createGrpcRaftRPC);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await hosts.stop();
});

function peerOf(host: TestHost): Http2Peer {
  const peer = new Http2Peer(`http://${host.address}`);
  cleanups.push(() => {
    peer.destroy();
  });
  return peer;
}

/** Written by hand from the table of fields: a heartbeat as Go's encoder writes it, every scalar and a zero snapshot. */
const GO_SNAPSHOT = '120018002000280032020800';
const GO_MESSAGE =
  '0811' + // type 17, Heartbeat
  '1002' + // to 2
  '1801' + // from 1
  '2003' + // cluster_id 3
  '2805' + // term 5
  '3000' + // log_term
  '3800' + // log_index
  '4007' + // commit 7
  '4800' + // reject
  '5000' + // hint
  `620c${GO_SNAPSHOT}` +
  '6800'; // hint_high
const GO_BATCH = Buffer.from(
  `0a${(GO_MESSAGE.length / 2).toString(16)}${GO_MESSAGE}` +
    '1001' + // deployment_id 1
    '1a056f74686572' + // source_address "other"
    '20d201', // bin_ver 210
  'hex',
);

describe('a client that speaks the service by hand', () => {
  it('is understood: a heartbeat in the bytes of Go', async () => {
    const host = await hosts.start();
    const call = peerOf(host).call(RAFT_MESSAGE);
    call.stream.write(framed(GO_BATCH));
    await until('it is there', () => host.received.length === 1);
    expect(host.received[0]).toMatchObject({ deploymentID: 1, sourceAddress: 'other', binVer: 210 });
    expect(host.received[0]?.requests).toEqual([
      expect.objectContaining({
        type: MessageType.Heartbeat,
        to: 2,
        from: 1,
        clusterID: 3,
        term: 5,
        commit: 7,
        reject: false,
        entries: [],
        snapshot: undefined,
      }),
    ]);
    call.stream.end();
    expect(await call.ended).toEqual({ httpStatus: 200, grpcStatus: 0, message: '', body: Buffer.alloc(0) });
  });

  it('may send entries as Dragonboat does, unless it says that it is a host of Drakkar', async () => {
    const host = await hosts.start();
    const bytes = framed(encodeMessageBatch(numberedBatch(3, new Uint8Array(5)), 'colfer'));
    const go = peerOf(host).call(RAFT_MESSAGE);
    go.stream.write(bytes);
    await until('it is there', () => host.received.length === 1);
    expect(host.received[0]?.isDragonboat).toBe(true);
    const ours = peerOf(host).call(RAFT_MESSAGE, { 'drakkar-from': 'other:1' });
    ours.stream.write(bytes);
    expect(await ours.ended).toMatchObject({ grpcStatus: 3 });
    expect(host.received).toHaveLength(1);
  });

  it('may leave out the checksum of a batch, unless it says that it is a host of Drakkar', async () => {
    const host = await hosts.start();
    const bytes = framed(encodeMessageBatch({ ...numberedBatch(3), features: 1 }).subarray(0, -6));
    peerOf(host).call(RAFT_MESSAGE).stream.write(bytes);
    await until('it is there', () => host.received.length === 1);
    const ours = peerOf(host).call(RAFT_MESSAGE, { 'drakkar-from': 'other:1' });
    ours.stream.write(bytes);
    expect(await ours.ended).toMatchObject({ grpcStatus: 3 });
    expect([host.received.length, host.rpc.counters?.().damagedBatches]).toEqual([1, 1]);
  });

  it('is cut off, and that is counted, when it numbers its messages and one is missing', async () => {
    const host = await hosts.start();
    const headers = { 'drakkar-from': 'other:1', 'drakkar-numbered': '1' };
    const call = peerOf(host).call(RAFT_MESSAGE, headers);
    for (const number of [0, 1, 3]) call.stream.write(framed(numbered(numberedBatch(number + 1), number)));
    expect(await call.ended).toMatchObject({ grpcStatus: 3, message: expect.stringMatching(/missing/) });
    expect(termsOf(host.received)).toEqual([1, 2]);
    expect(host.rpc.counters?.().damagedBatches).toBe(1);
  });

  it('is cut off without a report of damage when it takes this host for one of Dragonboat', async () => {
    const host = await hosts.start();
    const headers = { 'drakkar-from': 'other:1', 'drakkar-numbered': '1' };
    const call = peerOf(host).call(RAFT_MESSAGE, headers);
    call.stream.write(framed(encodeMessageBatch(numberedBatch(1), 'colfer')));
    expect(await call.ended).toMatchObject({ grpcStatus: 3 });
    expect([host.received.length, host.rpc.counters?.().damagedBatches]).toEqual([0, 0]);
  });

  it('may number messages when it asks for it, once and in a way that is known; never chunks', async () => {
    const host = await hosts.start({ chunkSinkFactory: () => new RecordingSink() });
    const answerTo = async (
      path: string,
      headers: Record<string, string | string[]> = {},
    ): Promise<unknown> => {
      const call = peerOf(host).call(path, { 'drakkar-from': 'other:1', ...headers });
      return (await call.headers)['drakkar-numbered'];
    };
    expect(await answerTo(RAFT_MESSAGE, { 'drakkar-numbered': '1' })).toBe('1');
    expect(await answerTo(RAFT_MESSAGE)).toBeUndefined();
    expect(await answerTo(RAFT_MESSAGE, { 'drakkar-numbered': '2' })).toBeUndefined();
    expect(await answerTo(RAFT_MESSAGE, { 'drakkar-numbered': ['1', '1'] })).toBeUndefined();
    expect(await answerTo(RAFT_SNAPSHOT, { 'drakkar-numbered': '1' })).toBeUndefined();
  });

  it('numbers the messages of each of its calls from zero', async () => {
    const host = await hosts.start();
    const peer = peerOf(host);
    const headers = { 'drakkar-from': 'other:1', 'drakkar-numbered': '1' };
    const calls = [peer.call(RAFT_MESSAGE, headers), peer.call(RAFT_MESSAGE, headers)];
    for (const number of [0, 1]) {
      for (const { stream } of calls) stream.write(framed(numbered(numberedBatch(number + 1), number)));
    }
    await until('all are there', () => host.received.length === 4);
    expect(termsOf(host.received).sort()).toEqual([1, 1, 2, 2]);
    expect([host.warnings, host.rpc.counters?.().damagedBatches]).toEqual([[], 0]);
  });

  it('is understood however its frames are cut and joined', async () => {
    const host = await hosts.start();
    const call = peerOf(host).call(RAFT_MESSAGE);
    const three = Buffer.concat([framed(GO_BATCH), framed(GO_BATCH), framed(GO_BATCH)]);
    call.stream.write(three);
    for (const byte of three) {
      call.stream.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('all are there', () => host.received.length === 6);
    expect(new Set(host.received.map((batch) => batch.requests[0]?.commit))).toEqual(new Set([7]));
  });

  it('has its snapshot taken, and hears the end when the last chunk is', async () => {
    const sink = new RecordingSink();
    let open!: (taken: boolean) => void;
    sink.gate = (chunk) =>
      chunk.chunkID === 0 ? Promise.resolve(true) : new Promise((resolve) => (open = resolve));
    const host = await hosts.start({ chunkSinkFactory: () => sink });
    const peer = peerOf(host);
    const call = peer.call(RAFT_SNAPSHOT);
    const data = new Uint8Array(100_000).fill(7);
    for (const id of [0, 1]) call.stream.write(framed(encodeSnapshotChunk(numberedChunk(id, 2, data))));
    call.stream.end();
    await until('the second is offered', () => sink.chunks.length === 2);
    await peer.call(RAFT_MESSAGE).headers;
    expect(await isSettled(call.ended)).toBe(false);
    open(true);
    expect(await call.ended).toMatchObject({ grpcStatus: 0 });
    expect(sink.closes).toBe(1);
    expect(sink.chunks.map((chunk) => chunk.data.length)).toEqual([100_000, 100_000]);
  });

  it('may leave without a half-close, as Go does after the last chunk', async () => {
    const sink = new RecordingSink();
    const host = await hosts.start({ chunkSinkFactory: () => sink });
    const peer = peerOf(host);
    const call = peer.call(RAFT_SNAPSHOT);
    call.stream.write(framed(encodeSnapshotChunk(numberedChunk(0, 1, new Uint8Array(10)))));
    await until('it is there', () => sink.chunks.length === 1);
    call.stream.close(8);
    await until('the sink is closed', () => sink.closes === 1);
    expect(host.warnings).toEqual([]);
  });

  it('learns how often it is pinged, and gets no response', async () => {
    const host = await hosts.start({ options: { pingIntervalMs: 50 } });
    const peer = peerOf(host);
    let pings = 0;
    peer.session.on('ping', () => (pings += 1));
    const call = peer.call(RAFT_MESSAGE);
    expect(await call.headers).toMatchObject({ ':status': 200, 'drakkar-ping-interval-ms': '50' });
    await until('it is pinged', () => pings >= 2);
    call.stream.end();
    expect((await call.ended).body.length).toBe(0);
  });

  it('may send far ahead of what is read: the windows of HTTP/2 are those of the options', async () => {
    const host = await hosts.start({ options: { receiveWindowBytes: 3_000_000 } });
    const peer = peerOf(host);
    const call = peer.call(RAFT_MESSAGE);
    await call.headers;
    await until('the windows are told', () => (peer.session.state.remoteWindowSize ?? 0) >= 3_000_000);
    expect(peer.session.remoteSettings.initialWindowSize).toBe(3_000_000);
    expect(peer.session.remoteSettings.maxConcurrentStreams).toBe(4);
  });
});

interface Seen {
  headers: IncomingHttpHeaders;
  body: Buffer;
  stream: ServerHttp2Stream;
}

/** Answers as hosts of Drakkar do. */
function speak(stream: ServerHttp2Stream, more: OutgoingHttpHeaders = {}): void {
  stream.respond({
    ':status': 200,
    'content-type': 'application/grpc',
    'drakkar-ping-interval-ms': '2000',
    ...more,
  });
}

/** A batch with its number in the stream behind it. */
function numbered(batch: MessageBatch, number: number): Buffer {
  const behind = Buffer.alloc(4);
  behind.writeUInt32BE(number);
  return Buffer.concat([encodeMessageBatch(batch), behind]);
}

/** A server that keeps what comes and answers nothing until told to, like Go, which sends headers with its first word. */
async function bareServer(
  answer?: (stream: ServerHttp2Stream) => void,
): Promise<{ address: string; calls: Seen[]; server: Http2Server }> {
  const server = createServer();
  const calls: Seen[] = [];
  server.on('session', (session) => {
    cleanups.push(() => {
      session.destroy();
    });
  });
  server.on('stream', (stream, headers) => {
    const seen: Seen = { headers, body: Buffer.alloc(0), stream };
    calls.push(seen);
    stream.on('data', (chunk: Buffer) => {
      seen.body = Buffer.concat([seen.body, chunk]);
    });
    stream.on('error', () => undefined);
    answer?.(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, calls, server };
}

function endCall({ stream }: Seen, status: number): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status },
    { endStream: true },
  );
}

describe('what this transport sends', () => {
  it('is numbered, without TLS, when the server agrees', async () => {
    const { address, calls } = await bareServer((stream) => speak(stream, { 'drakkar-numbered': '1' }));
    const host = await hosts.start({ options: { dragonboatSilenceMs: 60_000 } });
    const connection = await host.rpc.getConnection(address, never);
    const batches = [numberedBatch(1), numberedBatch(2)];
    for (const batch of batches) await connection.sendMessageBatch(batch);
    const expected = Buffer.concat(batches.map((batch, number) => framed(numbered(batch, number))));
    await until('it is there', () => calls[0]?.body.length === expected.length);
    expect(calls[0]?.body.equals(expected)).toBe(true);
    expect(calls[0]?.headers['drakkar-numbered']).toBe('1');
  });

  it('has no numbers in it when they were not asked for: chunks, whatever the server says', async () => {
    const { address, calls } = await bareServer((stream) => speak(stream, { 'drakkar-numbered': '1' }));
    const host = await hosts.start({ options: { dragonboatSilenceMs: 60_000 } });
    const connection = await host.rpc.getSnapshotConnection(address, never);
    const chunk = numberedChunk(0, 2, new Uint8Array(10));
    await connection.sendSnapshotChunk(chunk);
    const expected = framed(encodeSnapshotChunk(chunk));
    await until('it is there', () => (calls[0]?.body.length ?? 0) >= expected.length);
    expect(calls[0]?.body).toEqual(expected);
    expect(calls[0]?.headers['drakkar-numbered']).toBeUndefined();
    connection.close();
  });

  it.each([
    ['protobuf', 'a host of Drakkar, which answers with metadata'],
    ['colfer', 'a host of Dragonboat, which answers nothing'],
  ] as const)(
    'is one call of RaftMessage, a frame for each batch, entries in %s to %s',
    async (form, _who) => {
      const { address, calls } = await bareServer(form === 'protobuf' ? speak : undefined);
      const host = await hosts.start({ options: { dragonboatSilenceMs: form === 'colfer' ? 20 : 60_000 } });
      const connection = await host.rpc.getConnection(address, never);
      const batches = [numberedBatch(1), numberedBatch(2, new Uint8Array(300).fill(1))];
      for (const batch of batches) await connection.sendMessageBatch(batch);
      expect(await connection.peerKind).toBe(form === 'colfer' ? 'dragonboat' : 'drakkar');
      const expected = Buffer.concat(batches.map((batch) => framed(encodeMessageBatch(batch, form))));
      await until('it is there', () => calls[0]?.body.length === expected.length);
      expect(calls[0]?.body.equals(expected)).toBe(true);
      expect(calls[0]?.headers).toMatchObject({
        ':method': 'POST',
        ':path': RAFT_MESSAGE,
        ':scheme': 'http',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      expect(calls[0]?.headers['grpc-encoding'] ?? 'identity').toBe('identity');
      expect(calls.length).toBe(1);
      const first = decodeMessageBatch(
        new Uint8Array(calls[0]?.body.subarray(5, 5 + encodeMessageBatch(batches[0]!, form).length) ?? []),
        form,
      );
      expect(termsOf([first])).toEqual([1]);
    },
  );

  it('waits until it is known what kind of host it goes to', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start({ options: { dragonboatSilenceMs: 60_000 } });
    const connecting = host.rpc.getConnection(address, never);
    await until('the call is there', () => calls.length === 1);
    expect(await isSettled(connecting)).toBe(false);
    speak((calls[0] as Seen).stream);
    const connection = await connecting;
    await connection.sendMessageBatch(numberedBatch(1));
    expect(await connection.peerKind).toBe('drakkar');
  });

  it('ends a connection to a host of Drakkar that was silent for too long, and waits longer for the next', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start({ options: { dragonboatSilenceMs: 100 } });
    const connection = await host.rpc.getConnection(address, never);
    expect(await connection.peerKind).toBe('dragonboat');
    speak((calls[0] as Seen).stream);
    await expect(connection.closed).resolves.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    const startMs = performance.now();
    const next = await host.rpc.getConnection(address, never);
    await next.peerKind;
    expect(performance.now() - startMs).toBeGreaterThan(150);
  });

  it('leaves out what could end a process of Dragonboat, and counts it', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start({ options: { dragonboatSilenceMs: 1 } });
    const connection = await host.rpc.getConnection(address, never);
    const batch = numberedBatch(1);
    const preVote = makeMessage({ type: MessageType.RequestPreVote, from: 1, to: 2, clusterID: 3, term: 9 });
    await connection.sendMessageBatch({ ...batch, requests: [preVote] });
    await connection.sendMessageBatch({ ...batch, requests: [preVote, ...batch.requests] });
    const expected = framed(encodeMessageBatch(batch, 'colfer'));
    await until('it is there', () => (calls[0]?.body.length ?? 0) >= expected.length);
    expect(calls[0]?.body.equals(expected)).toBe(true);
    expect(host.rpc.counters?.()).toMatchObject({ withheldMessages: 2 });
    expect(host.warnings.map(({ message }) => message).join()).toContain('withheld');
  });

  it('is one call of RaftSnapshot, finished when the server ends it with OK', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start();
    const connection = await host.rpc.getSnapshotConnection(address, never);
    const chunk = numberedChunk(0, 1, new Uint8Array(1000).fill(3));
    await connection.sendSnapshotChunk(chunk);
    const finished = connection.finish();
    await until('it is there', () => calls[0]?.stream.readableEnded === true);
    expect(calls[0]?.headers[':path']).toBe(RAFT_SNAPSHOT);
    expect(decodeSnapshotChunk(new Uint8Array(calls[0]?.body.subarray(5) ?? [])).data).toEqual(chunk.data);
    endCall(calls[0] as Seen, 0);
    await finished;
  });

  it('ends with what the server says', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start();
    const connection = await host.rpc.getConnection(address, never);
    await until('the call is there', () => calls.length === 1);
    endCall(calls[0] as Seen, 3);
    await expect(connection.closed).resolves.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
      details: { status: 'INVALID_ARGUMENT' },
    });
  });

  it('goes on to a server that neither answers nor pings', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start({ options: { pingIntervalMs: 20, deadPeerTimeoutMs: 100 } });
    const connection = await host.rpc.getConnection(address, never);
    // Many timeouts long.
    expect(await settlesWithin(connection.closed, 600)).toBe(false);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => (calls[0]?.body.length ?? 0) > 0);
  });
});

describe('an attempt at a server', () => {
  it('fails with the reason when that is another host than the one that was meant', async () => {
    const { address } = await bareServer((stream) => {
      stream.respond({ ':status': 200, 'drakkar-ping-interval-ms': '2000', 'drakkar-host': 'other:1' });
    });
    const host = await hosts.start();
    await expect(host.rpc.getConnection(address, never, 'meant:1')).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      details: { expected: 'meant:1', found: 'other:1' },
    });
  });

  it('fails with the reason when that says who it is, and refuses the call', async () => {
    const { address } = await bareServer((stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'drakkar-ping-interval-ms': '2000' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': '7', 'grpc-message': 'no entry' }),
      );
      stream.end();
    });
    const host = await hosts.start();
    await expect(host.rpc.getConnection(address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringMatching(/PERMISSION_DENIED, no entry/),
    });
  });

  it('fails when that drops the connection before it is known what kind of host it is', async () => {
    const { address } = await bareServer((stream) => stream.session?.destroy());
    const host = await hosts.start({ options: { dragonboatSilenceMs: 60_000 } });
    for (const connecting of [
      host.rpc.getConnection(address, never),
      host.rpc.getSnapshotConnection(address, never),
    ]) {
      await expect(connecting).rejects.toMatchObject({
        code: 'ERR_CONNECT_FAILED',
        details: { target: address },
      });
    }
  });

  it('fails at once when its caller gives up before it is known what kind of host is there', async () => {
    const { address, calls } = await bareServer();
    const host = await hosts.start({ options: { dragonboatSilenceMs: 60_000 } });
    const abort = new AbortController();
    const connecting = host.rpc.getConnection(address, abort.signal);
    await until('the call is there', () => calls.length === 1);
    abort.abort();
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringMatching(/was aborted/),
    });
    await until('the connection is gone', () => calls[0]?.stream.destroyed === true);
  });
});

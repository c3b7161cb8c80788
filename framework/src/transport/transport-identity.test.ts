import { describe, expect, it } from '@jest/globals';
import {
  type AllowedPeer,
  type ArrivalHandler,
  BIN_VER,
  type ChunkSinkFactory,
  type IRaftRPC,
  type Message,
  MessageType,
  type PeerIdentity,
  type RequestHandler,
  makeMessage,
} from '@drakkar/raftio';
import { silentLogger } from '../logging/logger.js';
import { SeededRandom } from '../runtime/random.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import type { SenderCheck } from '../snapshot/index.js';
import { Transport } from './transport.js';

const GROUP = 7;
const hostNamed = (name: string): PeerIdentity => ({
  names: [name],
  addresses: [],
  uris: [],
  commonName: undefined,
  fingerprint: name,
  canServe: true,
});
const [b, c, printer] = [hostNamed('b'), hostNamed('c'), hostNamed('printer')];

/** A host at `a:1` with node 1 of a group whose nodes 2 and 3 are at `b:1` and `c:1`. */
function setUp(identities: { allowedPeers?: readonly AllowedPeer[] } | undefined) {
  let receive: RequestHandler = () => undefined;
  let arrive: ArrivalHandler = () => undefined;
  let makeSink: ChunkSinkFactory = () => ({ addChunk: () => Promise.resolve(false), close: () => undefined });
  const taken: number[] = [];
  const arriving: number[] = [];
  let check: SenderCheck;
  const transport = new Transport(
    {
      raftAddress: 'a:1',
      deploymentID: 1,
      connectTimeoutMs: 1000,
      reconnectBackoffMinMs: 100,
      reconnectBackoffMaxMs: 1000,
      sendQueueBytes: 10_000,
      maxBatchBytes: 1_000,
      identities,
    },
    {
      createRPC: (onBatch, onSnapshot, onArriving) => {
        [receive, makeSink, arrive] = [onBatch, onSnapshot, onArriving];
        const done = (): Promise<void> => Promise.resolve();
        return { name: 'fake', start: done, stop: done } as unknown as IRaftRPC;
      },
      handler: {
        onMessage: ({ from }) => taken.push(from) > 0,
        onArriving: ({ from }) => arriving.push(from),
        onInstallSnapshot: () => undefined,
        onUnreachable: () => undefined,
        onProposalUndelivered: () => undefined,
        onConnectionChanged: () => undefined,
        onHeardAgain: () => undefined,
      },
      createSink: (isSender) => {
        check = isSender;
        return { addChunk: () => Promise.resolve(false), close: () => undefined };
      },
      clock: new ManualClock(),
      random: new SeededRandom(1),
      logger: silentLogger,
    },
  );
  transport.registry.set(GROUP, 2, 'b:1');
  transport.registry.set(GROUP, 3, 'c:1');
  return {
    transport,
    taken,
    arriving,
    deliver: (peer: PeerIdentity | undefined, sourceAddress: string, ...requests: Message[]): void =>
      receive({ requests, deploymentID: 1, sourceAddress, binVer: BIN_VER }, peer),
    arrive: (peer: PeerIdentity | undefined, ...messages: Message[]): void => arrive(messages, peer),
    /** What a snapshot that comes from that peer is checked by. */
    checkOf: (peer: PeerIdentity | undefined): SenderCheck => {
      makeSink(peer);
      return check;
    },
  };
}

const heartbeat = (from: number): Message =>
  makeMessage({ type: MessageType.Heartbeat, clusterID: GROUP, from, to: 1 });

describe('Transport with mutual TLS', () => {
  it('takes nothing of a batch in the name of another host', () => {
    const { transport, deliver, taken } = setUp({});
    deliver(b, 'c:1', heartbeat(2), heartbeat(3));
    deliver(printer, 'b:1', heartbeat(2));
    deliver(undefined, 'b:1', heartbeat(2));
    expect([taken, transport.counters.rejectedSenders]).toEqual([[], 3]);
    deliver(b, 'b:1', heartbeat(2));
    expect([taken, transport.counters.rejectedSenders]).toEqual([[2], 3]);
  });

  it('takes of a batch the messages of members that live at its host, and no others', () => {
    const { transport, deliver, taken } = setUp({});
    deliver(b, 'b:1', heartbeat(3), heartbeat(2));
    deliver(printer, 'printer:1', heartbeat(2), heartbeat(3));
    expect([taken, transport.counters.rejectedSenders]).toEqual([[2], 3]);
    expect(transport.registry.resolve(GROUP, 3)).toBe('c:1');
  });

  it('does not learn from another host that a leader is heard, and counts nothing before a message is there', () => {
    const { transport, arrive, arriving } = setUp({});
    for (let segment = 0; segment < 100; segment++) arrive(b, heartbeat(3));
    arrive(undefined, heartbeat(3));
    expect([arriving, transport.counters.rejectedSenders]).toEqual([[], 0]);
    arrive(c, heartbeat(3), heartbeat(2));
    expect(arriving).toEqual([3]);
  });

  it('has snapshots of a member taken from its host only', () => {
    const { checkOf } = setUp({});
    const claim = { clusterID: GROUP, from: 2, to: 1 };
    expect([b, c, printer, undefined].map((peer) => checkOf(peer)?.(claim))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('goes by what the configuration lets peers speak for', () => {
    const { deliver, taken } = setUp({ allowedPeers: [{ identity: 'DNS:printer', hosts: ['b'] }] });
    deliver(printer, 'b:1', heartbeat(2), heartbeat(3));
    expect(taken).toEqual([2]);
  });

  it('asks for nothing without it', () => {
    const { transport, deliver, taken, arrive, arriving, checkOf } = setUp(undefined);
    deliver(undefined, 'b:1', heartbeat(2));
    arrive(undefined, heartbeat(3));
    expect([taken, arriving, checkOf(undefined)]).toEqual([[2], [3], undefined]);
    expect(transport.counters.rejectedSenders).toBeUndefined();
  });
});

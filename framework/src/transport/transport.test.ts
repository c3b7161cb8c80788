import { describe, expect, it } from '@jest/globals';
import {
  type ArrivalHandler,
  BIN_VER,
  Feature,
  type IConnection,
  type IRaftRPC,
  type Message,
  type MessageBatch,
  MessageType,
  type RequestHandler,
  makeMessage,
} from '@drakkar/raftio';
import { silentLogger } from '../logging/logger.js';
import { SeededRandom } from '../runtime/random.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { Transport } from './transport.js';

const HERE = 7;

/** What a transport gives when nobody listens. */
const refused = (): Promise<IConnection> => Promise.reject(new Error('refused'));

function setUp(getConnection: IRaftRPC['getConnection'] = refused): {
  transport: Transport;
  clock: ManualClock;
  deliver: (messages: Message[], from?: string, fields?: Partial<MessageBatch>) => void;
  taken: Message[];
  /** Those of them that hosts of Dragonboat are known to have sent. */
  ofDragonboat: Message[];
  unreachable: number[];
  lostProposals: Message[];
  heard: string[];
  arrive: ArrivalHandler;
  arriving: number[];
} {
  let handler: RequestHandler = () => undefined;
  let onArriving: ArrivalHandler = () => undefined;
  const arriving: number[] = [];
  const taken: Message[] = [];
  const ofDragonboat: Message[] = [];
  const unreachable: number[] = [];
  const lostProposals: Message[] = [];
  const heard: string[] = [];
  const clock = new ManualClock();
  const transport = new Transport(
    {
      raftAddress: 'a:1',
      deploymentID: 1,
      connectTimeoutMs: 1000,
      reconnectBackoffMinMs: 100,
      reconnectBackoffMaxMs: 1000,
      sendQueueBytes: 10_000,
      maxBatchBytes: 1_000,
    },
    {
      createRPC: (requestHandler, _sinks, arrivalHandler) => {
        handler = requestHandler;
        onArriving = arrivalHandler;
        const done = (): Promise<void> => Promise.resolve();
        return { name: 'fake', getConnection, start: done, stop: done } as unknown as IRaftRPC;
      },
      handler: {
        onMessage: (message, _source, isDragonboat) => {
          const isHere = message.clusterID === HERE && message.to === 1;
          if (isHere) taken.push(message);
          if (isHere && isDragonboat) ofDragonboat.push(message);
          return isHere;
        },
        onArriving: ({ clusterID }) => arriving.push(clusterID),
        onInstallSnapshot: () => undefined,
        onUnreachable: ({ to }) => unreachable.push(to),
        onProposalUndelivered: (message) => lostProposals.push(message),
        onConnectionChanged: () => undefined,
        onHeardAgain: (target) => heard.push(target),
      },
      createSink: () => ({ addChunk: () => Promise.resolve(false), close: () => undefined }),
      clock,
      random: new SeededRandom(1),
      logger: silentLogger,
    },
  );
  const deliver = (requests: Message[], from = 'b:1', fields: Partial<MessageBatch> = {}): void =>
    handler({ requests, deploymentID: 1, sourceAddress: from, binVer: BIN_VER, ...fields });
  const arrive: ArrivalHandler = (messages) => onArriving(messages);
  return {
    transport,
    clock,
    deliver,
    taken,
    ofDragonboat,
    unreachable,
    lostProposals,
    heard,
    arrive,
    arriving,
  };
}

const heartbeat = (clusterID: number, from: number, to = 1): Message =>
  makeMessage({ type: MessageType.Heartbeat, clusterID, from, to });

describe('Transport', () => {
  it('learns the address of a sender from a message for a replica that is here', () => {
    const { transport, deliver, taken } = setUp();
    deliver([heartbeat(HERE, 2)]);
    expect(taken).toHaveLength(1);
    expect(transport.registry.resolve(HERE, 2)).toBe('b:1');
  });

  it('says of messages whether a host of Dragonboat has sent them, by their form or by what a connection found', async () => {
    const connection = { ...({} as IConnection), peerKind: Promise.resolve('dragonboat' as const) };
    connection.closed = new Promise(() => undefined);
    connection.sendMessageBatch = () => Promise.resolve();
    const { transport, deliver, ofDragonboat } = setUp(() => Promise.resolve(connection));
    deliver([heartbeat(HERE, 2)]);
    expect(ofDragonboat).toHaveLength(0);
    deliver([heartbeat(HERE, 2)], 'b:1', { isDragonboat: true });
    expect(ofDragonboat).toHaveLength(1);
    transport.send([makeMessage({ type: MessageType.Heartbeat, clusterID: HERE, from: 1, to: 2 })]);
    transport.flush();
    await new Promise((resolve) => setImmediate(resolve));
    deliver([heartbeat(HERE, 2)]);
    expect(ofDragonboat).toHaveLength(2);
    deliver([heartbeat(HERE, 2)], 'b:1', { features: Feature.Announces });
    expect(ofDragonboat).toHaveLength(2);
  });

  it('passes on which messages are arriving, and learns nothing from them', () => {
    const { transport, arrive, arriving, taken } = setUp();
    arrive([heartbeat(HERE, 2), heartbeat(HERE + 1, 3)]);
    expect(arriving).toEqual([HERE, HERE + 1]);
    expect(taken).toEqual([]);
    expect(transport.registry.resolve(HERE, 2)).toBeUndefined();
  });

  it('learns nothing from messages for others, however many groups they name', () => {
    const { transport, deliver } = setUp();
    deliver([heartbeat(HERE + 1, 2), heartbeat(HERE, 3, 9)]);
    expect(transport.registry.resolve(HERE + 1, 2)).toBeUndefined();
    expect(transport.registry.resolve(HERE, 3)).toBeUndefined();
  });

  it('goes by the membership, not by what a message says', () => {
    const { transport, deliver } = setUp();
    deliver([heartbeat(HERE, 2)]);
    transport.registry.set(HERE, 2, 'c:1');
    deliver([heartbeat(HERE, 2)], 'evil:1');
    expect(transport.registry.resolve(HERE, 2)).toBe('c:1');
  });

  it('remembers the latest address of a sender, and a bounded number of senders', () => {
    const { transport, deliver } = setUp();
    deliver([heartbeat(HERE, 2)]);
    deliver([heartbeat(HERE, 2)], 'moved:1');
    expect(transport.registry.resolve(HERE, 2)).toBe('moved:1');
    for (let from = 1000; from < 2000; from++) deliver([heartbeat(HERE, from)]);
    const known = Array.from({ length: 2000 }, (_, id) => transport.registry.resolve(HERE, id));
    expect(known.filter((address) => address !== undefined)).toHaveLength(64);
    expect(transport.registry.resolve(HERE, 1999)).toBe('b:1');
  });

  it('dials a bounded number of addresses that messages name and no membership does', async () => {
    const dialled = new Set<string>();
    const { transport, deliver } = setUp((target) => {
      dialled.add(target);
      return refused();
    });
    for (let from = 100; from < 1600; from++) {
      deliver([heartbeat(HERE, from)], `stranger:${from}`);
      transport.send([makeMessage({ type: MessageType.HeartbeatResp, clusterID: HERE, from: 1, to: from })]);
      transport.flush();
    }
    expect(dialled.size).toBe(64);
    expect(transport.counters).toEqual({ dials: 64, unansweredMessages: 1436 });
    transport.registry.set(HERE, 2, 'member:1');
    transport.send([heartbeat(HERE, 1, 2)]);
    transport.flush();
    expect(dialled.has('member:1')).toBe(true);
  });

  it('takes nothing from another deployment, or of another release of the protocol', () => {
    const { transport, deliver, taken } = setUp();
    deliver([heartbeat(HERE, 2)], 'b:1', { deploymentID: 2 });
    deliver([heartbeat(HERE, 2)], 'b:1', { binVer: BIN_VER + 1 });
    expect(taken).toEqual([]);
    expect(transport.registry.resolve(HERE, 2)).toBeUndefined();
    deliver([heartbeat(HERE, 2)]);
    expect(taken).toHaveLength(1);
  });

  it('reports forwarded proposals, and members, that it could not reach', async () => {
    const { transport, unreachable, lostProposals } = setUp();
    const toLeader = (type: MessageType, to: number): Message =>
      makeMessage({ type, clusterID: HERE, from: 1, to });
    transport.send([toLeader(MessageType.Propose, 9)]); // its address is unknown
    transport.registry.set(HERE, 2, 'b:1');
    transport.send([toLeader(MessageType.Propose, 2), toLeader(MessageType.Heartbeat, 2)]);
    transport.flush();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    transport.send([toLeader(MessageType.Propose, 2), toLeader(MessageType.ReadIndex, 2)]);
    expect(lostProposals.map(({ to }) => to)).toEqual([9, 2, 2]);
    expect(unreachable).toEqual([2]);
  });

  it('reports a host that was away and is heard of again, once', async () => {
    const { transport, deliver, heard } = setUp();
    deliver([heartbeat(HERE, 2)]);
    transport.send([heartbeat(HERE, 1, 2)]);
    transport.flush();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(heard).toEqual([]);
    deliver([heartbeat(HERE, 2)]);
    deliver([heartbeat(HERE, 2)]);
    expect(heard).toEqual(['b:1']);
    await transport.stop();
  });

  it('has one connection to a host, under a spelling of a membership, and hears it under any', async () => {
    const dialled: string[] = [];
    const { transport, clock, deliver, heard } = setUp((target) => {
      dialled.push(target);
      return refused();
    });
    transport.registry.set(HERE, 2, 'Host-B:1');
    transport.registry.set(HERE + 1, 2, 'host-b.:1');
    const sayTwice = async (): Promise<void> => {
      transport.send([heartbeat(HERE, 1, 2), heartbeat(HERE + 1, 1, 2)]);
      transport.flush();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    await sayTwice();
    expect(dialled).toEqual(['Host-B:1']);
    deliver([heartbeat(HERE, 2)], 'host-b:01');
    expect(heard).toEqual(['Host-B:1']);
    await sayTwice(); // one that does not lead there is not tried indefinitely
    expect(dialled).toEqual(['Host-B:1', 'host-b.:1']);
    clock.advance(1_000);
    transport.registry.removeCluster(HERE + 1);
    await sayTwice();
    expect(dialled).toEqual(['Host-B:1', 'host-b.:1', 'Host-B:1']);
    await transport.stop();
  });

  it('takes a member for none of the unknown hosts, however its messages spell its address', () => {
    const { transport, deliver } = setUp();
    transport.registry.set(HERE, 2, 'B.:1');
    for (let from = 100; from < 164; from++) {
      deliver([heartbeat(HERE, from)], `stranger:${from}`, { features: Feature.Announces | Feature.Asks });
    }
    deliver([heartbeat(HERE, 9)], 'b:01', { features: Feature.Announces | Feature.Asks });
    expect(transport.counters.unansweredMessages).toBe(0);
    expect(transport.registry.livesAt(HERE, 2, 'b:1')).toBe(true);
    expect(transport.registry.livesAt(HERE, 2, 'b:2')).toBe(false);
  });

  it('takes no snapshot from a batch: its data comes in a stream, and without it there is none', () => {
    const { deliver, taken } = setUp();
    const snapshot = {
      filepath: '',
      fileSize: 1,
      index: 1_000,
      term: 1,
      membership: { configChangeID: 0, addresses: new Map(), removed: new Map(), observers: new Map() },
      files: [],
    };
    for (const term of [0, 1, 9]) {
      const fields = { clusterID: HERE, from: 2, to: 1, term, snapshot };
      deliver([makeMessage({ type: MessageType.InstallSnapshot, ...fields }), heartbeat(HERE, 2)]);
    }
    expect(taken.map(({ type }) => type)).toEqual(Array(3).fill(MessageType.Heartbeat));
  });

  it('drops a host that nothing is sent to any more, and connects again when something is', async () => {
    const opened: string[] = [];
    const closed: string[] = [];
    const { transport, clock } = setUp((target) => {
      opened.push(target);
      let end: (reason: undefined) => void = () => undefined;
      return Promise.resolve({
        closed: new Promise((resolve) => (end = resolve)),
        sendMessageBatch: () => Promise.resolve(),
        close: () => {
          closed.push(target);
          end(undefined);
        },
      });
    });
    await transport.start();
    const say = async (to: number): Promise<void> => {
      transport.send([heartbeat(HERE, 1, to)]);
      transport.flush();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    transport.registry.set(HERE, 2, 'b:1');
    transport.registry.set(HERE, 3, 'c:1');
    await say(2);
    await say(3);
    for (let minute = 0; minute < 20; minute++) {
      clock.advance(60_000);
      await say(3);
    }
    expect(opened).toEqual(['b:1', 'c:1']);
    expect(closed).toEqual(['b:1']);
    await say(2);
    expect(opened).toEqual(['b:1', 'c:1', 'b:1']);
    await transport.stop();
    expect(clock.timerCount).toBe(0);
  });
});

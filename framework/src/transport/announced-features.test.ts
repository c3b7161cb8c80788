import { describe, expect, it } from '@jest/globals';
import {
  BIN_VER,
  Feature,
  type IConnection,
  type IRaftRPC,
  type Message,
  type MessageBatch,
  MessageType,
  OWN_FEATURES,
  decodeMessageBatch,
  encodeMessageBatch,
  hasFeature,
  isSameAddress,
  makeMessage,
} from '@drakkar/raftio';
import { silentLogger } from '../logging/logger.js';
import { SeededRandom } from '../runtime/random.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { Transport } from './transport.js';

const GROUP = 7;

type Release = 'ours' | '0.1';

/** Hosts whose batches reach each other at once, through the codec; those of 0.1 neither write nor read features. */
class Hosts {
  readonly transports = new Map<string, Transport>();
  readonly sent = new Map<string, MessageBatch[]>();
  readonly #handlers = new Map<string, (batch: MessageBatch) => void>();
  readonly #ends: ((reason: Error) => void)[] = [];
  /** Hosts that nothing can be sent to. */
  readonly down = new Set<string>();

  add(address: string, release: Release = 'ours', nodeID = 1): Transport {
    this.sent.set(address, []);
    const rpc = {
      name: 'test',
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      getConnection: (target: string) => this.#connect(address, target, release),
    } as unknown as IRaftRPC;
    const transport = new Transport(
      {
        raftAddress: address,
        deploymentID: 1,
        connectTimeoutMs: 1000,
        reconnectBackoffMinMs: 1,
        reconnectBackoffMaxMs: 1,
        sendQueueBytes: 10_000,
        maxBatchBytes: 1_000,
      },
      {
        createRPC: (handler) => {
          this.#handlers.set(address, (batch) => handler(release === '0.1' ? plain(batch) : batch));
          return rpc;
        },
        handler: {
          onMessage: ({ clusterID, to }) => clusterID === GROUP && to === nodeID,
          onArriving: () => undefined,
          onInstallSnapshot: () => undefined,
          onUnreachable: () => undefined,
          onProposalUndelivered: () => undefined,
          onConnectionChanged: () => undefined,
          onHeardAgain: () => undefined,
        },
        createSink: () => ({ addChunk: () => Promise.resolve(false), close: () => undefined }),
        clock: new ManualClock(),
        random: new SeededRandom(1),
        logger: silentLogger,
      },
    );
    this.transports.set(address, transport);
    return transport;
  }

  receive(address: string, batch: MessageBatch): void {
    this.#handlers.get(address)?.(batch);
  }

  /** Every connection breaks. */
  breakAll(): void {
    for (const end of this.#ends.splice(0)) end(new Error('reset'));
  }

  #connect(from: string, to: string, release: Release): Promise<IConnection> {
    let end: (reason: Error) => void = () => undefined;
    const closed = new Promise<Error | undefined>((resolve) => (end = resolve));
    this.#ends.push(end);
    return Promise.resolve({
      closed,
      close: () => undefined,
      sendMessageBatch: async (batch: MessageBatch) => {
        const wire = encodeMessageBatch(release === '0.1' ? plain(batch) : batch);
        this.sent.get(from)?.push(decodeMessageBatch(wire));
        await Promise.resolve();
        if (this.down.has(to)) return;
        for (const [address, handler] of this.#handlers) {
          if (isSameAddress(address, to)) handler(decodeMessageBatch(wire));
        }
      },
    });
  }
}

function plain({ requests, deploymentID, sourceAddress, binVer }: MessageBatch): MessageBatch {
  return { requests, deploymentID, sourceAddress, binVer };
}

const heartbeat = (from: number, to: number): Message =>
  makeMessage({ type: MessageType.Heartbeat, clusterID: GROUP, from, to });

async function say(transport: Transport, message: Message): Promise<void> {
  transport.send([message]);
  transport.flush();
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** `a:1` with replica 1 and `b:1` with replica 2, who know where the other lives. */
function pair(release: Release = 'ours'): { hosts: Hosts; a: Transport; b: Transport } {
  const hosts = new Hosts();
  const a = hosts.add('a:1');
  const b = hosts.add('b:1', release, 2);
  a.registry.set(GROUP, 2, 'b:1');
  b.registry.set(GROUP, 1, 'a:1');
  return { hosts, a, b };
}

describe('announced features', () => {
  it('are in every batch, and known on both sides after one message in one direction', async () => {
    const { hosts, a, b } = pair();
    expect(a.replicaFeatures(GROUP, 2)).toBe(0);
    await say(a, heartbeat(1, 2));
    expect(a.replicaFeatures(GROUP, 2)).toBe(OWN_FEATURES);
    expect(b.replicaFeatures(GROUP, 1)).toBe(OWN_FEATURES);
    const batches = [...hosts.sent.values()].flat();
    expect(batches.every(({ features = 0 }) => hasFeature(features, Feature.Announces))).toBe(true);
    const before = batches.length;
    await say(a, heartbeat(1, 2));
    expect([...hosts.sent.values()].flat()).toHaveLength(before + 1); // who is known is not asked again
  });

  it('are none of a host of 0.1, which is not asked again once it was heard', async () => {
    const { hosts, a, b } = pair('0.1');
    await say(a, heartbeat(1, 2));
    await say(a, heartbeat(1, 2));
    expect(hosts.sent.get('b:1')).toEqual([]);
    await say(b, heartbeat(2, 1));
    await say(a, heartbeat(1, 2));
    expect(a.replicaFeatures(GROUP, 2)).toBe(0);
    const asks = hosts.sent.get('a:1')?.map(({ features = 0 }) => hasFeature(features, Feature.Asks));
    expect(asks).toEqual([true, true, false]);
  });

  it('are reported of a host, too, unless it has no member: anybody may have sent a batch in its name', async () => {
    const { a, b } = pair('0.1');
    expect(a.hostFeatures('b:1')).toBeUndefined();
    await say(a, heartbeat(1, 2));
    await say(b, heartbeat(2, 1));
    expect(a.hostFeatures('B:01')).toBe(0);
    a.registry.removeCluster(GROUP);
    expect(a.hostFeatures('b:1')).toBeUndefined();
  });

  it.each([
    ['that is connected', true],
    ['that was never connected', false],
  ])('are asked for again where a host %s seems to know less', async (_, isConnected) => {
    const { a, hosts } = pair();
    if (isConnected) await say(a, heartbeat(1, 2));
    const base = { deploymentID: 1, sourceAddress: 'b:1', binVer: BIN_VER };
    hosts.receive('a:1', { ...base, requests: [heartbeat(2, 1)] }); // another host speaks in its name
    expect(a.hostFeatures('b:1')).toBe(0);
    a.flush();
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(a.hostFeatures('b:1')).toBe(OWN_FEATURES);
    const asked = hosts.sent.get('a:1')?.length;
    a.flush();
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(hosts.sent.get('a:1')).toHaveLength(asked ?? 0); // what it knows is known now
  });

  it.each([true, false])(
    'stay those of a host of 0.1 that does not answer (connected: %s)',
    async (isConnected) => {
      const { a, b, hosts } = pair('0.1');
      if (isConnected) await say(a, heartbeat(1, 2));
      await say(b, heartbeat(2, 1));
      const sent = hosts.sent.get('a:1') ?? [];
      for (let times = 0; times < 3; times++) {
        const before = sent.length;
        expect(a.hostFeatures('b:1')).toBe(0);
        a.flush();
        for (let i = 0; i < 50; i++) await Promise.resolve();
        expect(sent.slice(before).map(({ features = 0 }) => hasFeature(features, Feature.Asks))).toEqual([
          true,
        ]);
      }
      expect(a.hostFeatures('b:1')).toBe(0);
    },
  );

  it('are forgotten with the connection, since another version may come back', async () => {
    const { hosts, a } = pair();
    await say(a, heartbeat(1, 2));
    expect(a.replicaFeatures(GROUP, 2)).toBe(OWN_FEATURES);
    hosts.down.add('b:1');
    hosts.breakAll();
    await say(a, heartbeat(1, 2));
    expect(a.replicaFeatures(GROUP, 2)).toBe(0);
  });

  it('are sent to the host of a member that asks before it has anything else to send', async () => {
    const { hosts, a, b } = pair();
    // What a host may not know does not leave before it was heard: the batch is a question and nothing else.
    await say(a, makeMessage({ type: MessageType.GroupMismatch, clusterID: GROUP, from: 1, to: 2 }));
    expect(hosts.sent.get('a:1')?.[0]?.requests).toEqual([]);
    expect(a.replicaFeatures(GROUP, 2)).toBe(OWN_FEATURES);
    const answers = hosts.sent.get('b:1')?.length;
    const features = OWN_FEATURES | Feature.Asks;
    hosts.receive('b:1', { requests: [], deploymentID: 1, sourceAddress: 'c:1', binVer: BIN_VER, features });
    await Promise.resolve();
    expect(b.hostFeatures('c:1')).toBeUndefined(); // no member lives there
    expect([answers, hosts.sent.get('b:1')?.length]).toEqual([1, 1]);
  });

  it('are taken from no batch that fails the check of the deployment', () => {
    const hosts = new Hosts();
    const a = hosts.add('a:1');
    a.registry.set(GROUP, 2, 'b:1');
    const features = OWN_FEATURES;
    const base = {
      requests: [heartbeat(2, 1)],
      deploymentID: 1,
      sourceAddress: 'b:1',
      binVer: BIN_VER,
      features,
    };
    const deliver = (batch: MessageBatch): void => hosts.receive('a:1', batch);
    deliver({ ...base, deploymentID: 2 });
    deliver({ ...base, binVer: BIN_VER + 1 });
    deliver({ ...base, requests: [heartbeat(2, 9)] }); // for a replica that is not here, from a host we never spoke to
    expect(a.replicaFeatures(GROUP, 2)).toBe(0);
    deliver(base);
    expect(a.replicaFeatures(GROUP, 2)).toBe(OWN_FEATURES);
  });

  it('are those of the address where a replica lives, also of one learnt from its messages', async () => {
    const { a, b } = pair();
    b.registry.removeCluster(GROUP);
    await say(a, heartbeat(1, 2));
    expect(b.replicaFeatures(GROUP, 1)).toBe(OWN_FEATURES);
    expect(a.replicaFeatures(GROUP, 3)).toBe(0);
  });

  it.each(['B:1', 'b.:1', 'b:01'])('are known of a host that the membership calls %s', async (spelling) => {
    const { a, hosts } = pair();
    a.registry.set(GROUP, 2, spelling);
    await say(a, heartbeat(1, 2));
    expect(a.replicaFeatures(GROUP, 2)).toBe(OWN_FEATURES);
    await say(a, makeMessage({ type: MessageType.GroupMismatch, clusterID: GROUP, from: 1, to: 2 }));
    const types = hosts.sent.get('a:1')?.flatMap(({ requests }) => requests.map(({ type }) => type));
    expect(types).toContain(MessageType.GroupMismatch);
    hosts.down.add(spelling);
    hosts.breakAll();
    await say(a, heartbeat(1, 2));
    expect(a.replicaFeatures(GROUP, 2)).toBe(0);
  });

  it('keep a message of a type that the other host may not know from leaving', async () => {
    const { hosts, a } = pair('0.1');
    const unknown = 99 as MessageType;
    await say(a, makeMessage({ type: unknown, clusterID: GROUP, from: 1, to: 2 }));
    expect(hosts.sent.get('a:1')?.flatMap(({ requests }) => requests)).toEqual([]);
  });
});

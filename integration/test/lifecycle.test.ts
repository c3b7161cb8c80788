import { afterEach, describe, expect, it } from '@jest/globals';
import type { NodeHost, NodeHostConfigInput, RequestState } from '@drakkar/framework';
import { MEMORY_ADDRESS, type MemoryHost, type ObservedLogDB, openMemoryHost } from './memory-host.js';
import { CLUSTER, Journal, Workshop, clusterConfig, codeOf, eventually, retrying } from './support.js';

const workshop = new Workshop();
const hosts: NodeHost[] = [];
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
process.on('unhandledRejection', onRejection);

afterEach(async () => {
  await Promise.allSettled(hosts.splice(0).map((host) => host.stop()));
  await workshop.clear();
  await turns(3);
  expect(rejections.splice(0)).toEqual([]);
});

const members = new Map([[1, MEMORY_ADDRESS]]);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

const start = (host: NodeHost, journal: Journal, clusterID = CLUSTER): Promise<void> =>
  host.startCluster(members, false, () => journal, clusterConfig(1, { clusterID }));

const write = (host: NodeHost, line: string, clusterID = CLUSTER): Promise<unknown> => {
  const session = host.getNoOPSession(clusterID);
  return retrying(() => host.syncPropose(session, Buffer.from(line)));
};

const propose = (host: NodeHost, line: string): RequestState =>
  host.propose(host.getNoOPSession(CLUSTER), Buffer.from(line));

async function read(host: NodeHost): Promise<string> {
  return Buffer.from(await retrying(() => host.syncRead(CLUSTER, new Uint8Array(0)))).toString();
}

async function open(more: Partial<NodeHostConfigInput> = {}): Promise<MemoryHost> {
  const opened = await openMemoryHost(workshop, undefined, more);
  hosts.push(opened.host);
  return opened;
}

/** A group of one that has accepted a first line. */
async function running(
  more: Partial<NodeHostConfigInput> = {},
): Promise<{ host: NodeHost; logDB: ObservedLogDB; journal: Journal }> {
  const { host, logDB } = await open(more);
  const journal = new Journal();
  await start(host, journal);
  await write(host, 'first');
  return { host, logDB, journal };
}

/** Two saves on their way: one that the LogDB has not answered, and one that waits for it. */
async function holdTwoSaves(
  host: NodeHost,
  logDB: ObservedLogDB,
  lines: readonly [string, string],
): Promise<void> {
  logDB.holding = true;
  propose(host, lines[0]);
  await eventually('a save', () => (logDB.heldCount > 0 ? true : undefined));
  propose(host, lines[1]);
  await turns(5);
  logDB.calls.length = 0;
}

describe('a replica that is started again', () => {
  it('begins when nothing of its former run is on its way to the disk', async () => {
    const { host, logDB, journal } = await running();
    await holdTwoSaves(host, logDB, ['second', 'third']);
    const stopped = host.stopCluster(CLUSTER);
    const started = start(host, new Journal());
    await turns(20);
    expect(logDB.calls).toEqual([]);
    logDB.release();
    await Promise.all([stopped, started]);
    expect(logDB.calls.slice(0, 2)).toEqual(['save 1/1', 'read 1/1']);
    expect(journal.closed).toBe(1);
    expect(await read(host)).toBe('first\nsecond\nthird');
  });

  it('starts after it has failed, too', async () => {
    const { host, logDB, journal } = await running();
    await holdTwoSaves(host, logDB, ['throw', 'third']);
    logDB.release();
    logDB.holding = true;
    await eventually('the failure', async () =>
      (await codeOf(() => host.getLeaderID(CLUSTER))) === 'ERR_REPLICA_FAILED' ? true : undefined,
    );
    expect(logDB.heldCount).toBe(1);
    logDB.calls.length = 0;
    let isStarted = false;
    const tolerant = new Journal();
    tolerant.update = (cmd) => tolerant.lines.push(Buffer.from(cmd).toString());
    const started = start(host, tolerant).then(() => {
      isStarted = true;
    });
    await turns(20);
    expect(logDB.calls).toEqual([]);
    expect(isStarted).toBe(false);
    logDB.release();
    await started;
    expect(journal.closed).toBe(1);
    expect(await read(host)).toBe('first\nthrow\nthird');
  });
});

describe('a readIndex', () => {
  it('does not vouch for the replica after a restart, which may be behind', async () => {
    const { host } = await running();
    const request = host.readIndex(CLUSTER);
    expect((await request.result).completed()).toBe(true);
    expect(Buffer.from(await host.readLocalNode(request, new Uint8Array(0))).toString()).toBe('first');
    const proposal = propose(host, 'second');
    expect((await proposal.result).completed()).toBe(true);
    expect(await codeOf(() => host.readLocalNode(proposal, new Uint8Array(0)))).toBe('ERR_INVALID_OPERATION');
    await host.stopCluster(CLUSTER);
    await start(host, new Journal());
    expect(await codeOf(() => host.readLocalNode(request, new Uint8Array(0)))).toBe('ERR_INVALID_OPERATION');
  });
});

describe('stopping a host', () => {
  it('ends what is starting, and closes its state machine', async () => {
    const { host, logDB } = await open();
    const journal = new Journal();
    let create: (journal: Journal) => void = () => undefined;
    const created = new Promise<Journal>((resolve) => {
      create = resolve;
    });
    const started = codeOf(() => host.startCluster(members, false, () => created, clusterConfig(1)));
    await turns(5);
    const stopped = host.stop();
    await turns(5);
    expect(logDB.closed).toBe(false);
    create(journal);
    await stopped;
    expect(await started).toBe('ERR_CLOSED');
    expect(journal.closed).toBe(1);
    expect(logDB.closed).toBe(true);
  });

  it('reports it to callers that are starting a group, however that fails', async () => {
    const { host } = await open();
    let fail: (error: Error) => void = () => undefined;
    const created = new Promise<Journal>((_, reject) => {
      fail = reject;
    });
    const started = codeOf(() => host.startCluster(members, false, () => created, clusterConfig(1)));
    await turns(5);
    const stopped = host.stop();
    await turns(5);
    fail(new Error('the snapshot was being read'));
    await stopped;
    expect(await started).toBe('ERR_CLOSED');
  });

  it('waits for a group that is being stopped', async () => {
    const { host, logDB } = await running();
    await holdTwoSaves(host, logDB, ['second', 'third']);
    const stoppedGroup = host.stopCluster(CLUSTER);
    const stopped = host.stop();
    await turns(5);
    expect(logDB.closed).toBe(false);
    logDB.release();
    await Promise.all([stoppedGroup, stopped]);
    expect(logDB.closed).toBe(true);
  });

  it('releases everything although a state machine can not be closed, and reports that', async () => {
    const { host, logDB, journal } = await running();
    const other = new Journal();
    await start(host, other, 2);
    journal.close = () => {
      throw new Error('no close');
    };
    expect(await codeOf(() => host.stop())).toBe('ERR_STATE_MACHINE_FAILED');
    expect(other.closed).toBe(1);
    expect(logDB.closed).toBe(true);
    const again = await open();
    await start(again.host, new Journal());
  });

  it('does not wait indefinitely for a state machine that is at something, and names its group', async () => {
    const { host, logDB, journal } = await running({ settings: { stopTimeoutMs: 200 } });
    const others = [new Journal(), new Journal(), new Journal()];
    for (const [at, other] of others.entries()) await start(host, other, 2 + at);
    const ends: (() => void)[] = [];
    const never = <T>(value: T): Promise<T> => new Promise((resolve) => ends.push(() => resolve(value)));
    journal.update = () => never(1);
    others[1]!.lookup = () => never(new Uint8Array(0)) as unknown as Uint8Array;
    await write(host, 'x', 3);
    const request = propose(host, 'never ends');
    const look = host.syncRead(3, new Uint8Array(0)).catch((error: unknown) => error);
    await eventually('both to be at it', () => (ends.length === 2 ? true : undefined));
    const error = await host.stop().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_STOP_TIMEOUT', details: { clusterIDs: [CLUSTER, 3] } });
    expect((await request.result).outcome).toBe('terminated');
    expect(others.map(({ closed }) => closed)).toEqual([1, 0, 1]);
    expect(logDB.closed).toBe(true);
    const again = await open();
    await start(again.host, new Journal());
    const { length } = logDB.calls;
    for (const end of ends) end();
    await look;
    await turns(5);
    expect(logDB.calls).toHaveLength(length);
    expect([journal.closed, others[1]!.closed]).toEqual([1, 1]);
  });

  it('does not hang on a long batch for a slow state machine', async () => {
    const { host, journal } = await running();
    const pending: (() => void)[] = [];
    journal.update = () => new Promise((resolve) => pending.push(() => resolve(1)));
    const requests = Array.from({ length: 10 }, (_, i) => propose(host, `line ${i}`));
    await eventually('the first update', () => (pending.length > 0 ? true : undefined));
    const stopped = host.stop();
    pending[0]?.();
    await stopped;
    expect(pending).toHaveLength(1);
    expect(journal.closed).toBe(1);
    for (const request of requests.slice(1)) expect((await request.result).outcome).toBe('terminated');
  });
});

describe('a state machine that fails in update and in close', () => {
  it('stops its replica, and nothing else', async () => {
    const { host, journal } = await running();
    journal.close = () => {
      throw new Error('no close');
    };
    const session = host.getNoOPSession(CLUSTER);
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('throw')))).toBe(
      'ERR_REQUEST_TERMINATED',
    );
    await start(host, new Journal(), 2);
    await write(host, 'alive', 2);
  });
});

describe('after a save has failed', () => {
  it('no replica can be started on the host, although the LogDB can be read', async () => {
    const { host, logDB } = await running();
    logDB.failure = new Error('EIO');
    const session = host.getNoOPSession(CLUSTER);
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('x')))).toBe('ERR_REQUEST_TERMINATED');
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('x')))).toBe('ERR_REPLICA_FAILED');
    const journal = new Journal();
    expect(await codeOf(() => start(host, journal))).toBe('ERR_LOGDB_FENCED');
    expect(journal.closed).toBe(1);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryPlace } from '@drakkar/conformance';
import {
  type CreateStateMachine,
  type HostListener,
  type ILogger,
  type ILoggerFactory,
  type IStateMachine,
  type NodeHost,
} from '@drakkar/framework';
import { type LogDBFactory, isDrakkarError } from '@drakkar/raftio';
import { MEMORY_ADDRESS, openMemoryHost } from './memory-host.js';
import { Journal, Workshop, clusterConfig, retrying } from './support.js';

const workshop = new Workshop();
const hosts: NodeHost[] = [];
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  await Promise.allSettled(hosts.splice(0).map((host) => host.stop()));
  process.off('unhandledRejection', note);
  await workshop.clear();
});

const STOP_TIMEOUT_MS = 200;
const CALL_TIMEOUT_MS = 150;
/** For what has to succeed, or to end, however slow the machine is. */
const PATIENCE_MS = 20_000;
/** What the bad machine does from the moment on that it is told to. */
type Behaviour = (usual: () => unknown) => unknown;
const refusal = new Error('the state machine refuses');

const BEHAVIOURS: Record<string, Behaviour> = {
  throws: () => {
    throw refusal;
  },
  'throws nothing in particular': () => {
    throw undefined as unknown as Error;
  },
  rejects: () => Promise.reject(refusal),
  'takes its time': async (usual) => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    return await usual();
  },
  'never ends': () => new Promise(() => undefined),
  'returns nonsense': () => ({ not: 'what was asked for' }),
  'promises nonsense': () => Promise.resolve(['nonsense']),
  'returns a thenable that throws': () => ({
    then: () => {
      throw refusal;
    },
  }),
};

type Method = 'update' | 'lookup' | 'saveSnapshot' | 'recoverFromSnapshot' | 'getHash' | 'close';
const METHODS: readonly Method[] = [
  'update',
  'lookup',
  'saveSnapshot',
  'recoverFromSnapshot',
  'getHash',
  'close',
];

/** A journal one of whose methods behaves badly once `isBad`. */
class Bad extends Journal {
  isBad = false;

  constructor(method: Method, behaviour: Behaviour) {
    super();
    const usual = (this as unknown as Record<string, (...args: unknown[]) => unknown>)[method];
    Object.assign(this, {
      [method]: (...args: unknown[]): unknown =>
        this.isBad ? behaviour(() => usual?.apply(this, args)) : usual?.apply(this, args),
    });
  }
}

async function open(
  place: MemoryPlace,
  events: HostListener = {},
  parts: { loggers?: ILoggerFactory; openLogDB?: LogDBFactory } = {},
): Promise<NodeHost> {
  const settings = { stopTimeoutMs: STOP_TIMEOUT_MS, sealTimeoutMs: 0, stateCheckEntries: 1 };
  const { host } = await openMemoryHost(workshop, place, { settings }, events, parts);
  hosts.push(host);
  return host;
}

async function start(host: NodeHost, clusterID: number, create: CreateStateMachine): Promise<void> {
  const config = clusterConfig(1, { clusterID, snapshotEntries: 5, electionRTT: 5, stateCheckHash: true });
  await host.startCluster(new Map([[1, MEMORY_ADDRESS]]), false, create, config);
}

const write = (host: NodeHost, clusterID: number, timeoutMs: number): Promise<unknown> =>
  host.syncPropose(host.getNoOPSession(clusterID), Buffer.from('line'), { timeoutMs });

const writeWell = (host: NodeHost, clusterID: number): Promise<unknown> =>
  retrying(() => write(host, clusterID, PATIENCE_MS));

/** What a call comes to: nothing, an error, or that it does not end in time. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, CALL_TIMEOUT_MS * 4, 'late')));
  try {
    return await Promise.race([Promise.resolve().then(call), late]);
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

/** Everything that calls user code of group 1, each several times at once. */
async function use(host: NodeHost): Promise<unknown[]> {
  const query = Buffer.from('');
  const calls = [
    () => write(host, 1, CALL_TIMEOUT_MS),
    () => write(host, 1, CALL_TIMEOUT_MS),
    () => host.syncRead(1, query, { timeoutMs: CALL_TIMEOUT_MS }),
    () => host.readLocal(1, query),
    () => host.requestSnapshot(1),
    () => host.requestSnapshot(1),
  ];
  return await Promise.all(calls.map((call) => outcomeOf(call)));
}

/** Errors that come out are the user's own, or say by a code what has happened. */
function expectExplained(outcomes: readonly unknown[]): void {
  for (const outcome of outcomes) {
    if (typeof outcome !== 'object' || outcome === null || !('error' in outcome)) continue;
    const { error } = outcome;
    const isOwn = error === refusal || error === undefined;
    expect([error, isOwn || isDrakkarError(error)]).toEqual([error, true]);
  }
}

const expectNeighbourWell = (host: NodeHost): Promise<unknown> => writeWell(host, 2);

/** It ends in time, and its errors are those that `stop` is documented to have. */
async function expectStops(host: NodeHost): Promise<void> {
  const startedMs = performance.now();
  const error = await host.stop().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(performance.now() - startedMs).toBeLessThan(PATIENCE_MS);
  if (error !== undefined)
    expect(['ERR_STOP_TIMEOUT', 'ERR_STATE_MACHINE_FAILED']).toContain((error as { code: string }).code);
}

const cases = METHODS.flatMap((method) => Object.keys(BEHAVIOURS).map((name) => [method, name] as const));

describe('a state machine', () => {
  it.each(cases)('harms no other group, nor the stop of its host, when its %s %s', async (method, name) => {
    const behaviour = BEHAVIOURS[name] as Behaviour;
    const place = new MemoryPlace();
    const host = await open(place);
    const machine = new Bad(method, behaviour);
    await start(host, 1, () => machine);
    await start(host, 2, () => new Journal());
    await writeWell(host, 1);
    await retrying(() => host.requestSnapshot(1));
    await writeWell(host, 1);
    machine.isBad = true;
    expectExplained(await use(host));
    await expectNeighbourWell(host);
    const stopped = await outcomeOf(() => host.stopCluster(1));
    expectExplained([stopped]);
    const again = new Bad(method, behaviour);
    again.isBad = true;
    expectExplained([await outcomeOf(() => start(host, 1, () => again))]);
    await expectNeighbourWell(host);
    await expectStops(host);
    expect(unhandled).toEqual([]);
  });
});

describe('createStateMachine', () => {
  it.each(Object.keys(BEHAVIOURS))(
    'harms no other group, nor the stop of its host, when it %s',
    async (name) => {
      const host = await open(new MemoryPlace());
      await start(host, 2, () => new Journal());
      const behaviour = BEHAVIOURS[name] as Behaviour;
      const create = (): IStateMachine => behaviour(() => new Journal()) as IStateMachine;
      const starting = outcomeOf(() => start(host, 1, create));
      await expectNeighbourWell(host);
      expectExplained([await starting]);
      await expectStops(host);
      expect(unhandled).toEqual([]);
    },
  );
});

describe('a listener', () => {
  it.each(Object.keys(BEHAVIOURS))('harms nothing when it %s at every event', async (name) => {
    const behaviour = BEHAVIOURS[name] as Behaviour;
    const react = (): void => void 0;
    const bad = (): Promise<void> => behaviour(react) as Promise<void>;
    const listener: HostListener = {
      nodeReady: bad,
      leaderUpdated: bad,
      snapshotCreated: bad,
      nodeUnloaded: bad,
      nodeHostShuttingDown: bad,
    };
    const host = await open(new MemoryPlace(), listener);
    await start(host, 2, () => new Journal());
    for (let i = 0; i < 20; i++) await expectNeighbourWell(host);
    await host.stopCluster(2);
    await expectStops(host);
    expect(unhandled).toEqual([]);
  });
});

describe('a logger', () => {
  it.each(Object.keys(BEHAVIOURS))('harms nothing when it %s at every line', async (name) => {
    const behaviour = BEHAVIOURS[name] as Behaviour;
    const bad = (): void => behaviour(() => undefined) as undefined;
    const logger: ILogger = { debug: bad, info: bad, warn: bad, error: bad };
    const host = await open(new MemoryPlace(), {}, { loggers: { getLogger: () => logger } });
    await start(host, 2, () => new Journal());
    for (let i = 0; i < 5; i++) await expectNeighbourWell(host);
    await expectStops(host);
    expect(unhandled).toEqual([]);
  });
});

describe('a handler of a result', () => {
  it.each(Object.keys(BEHAVIOURS))('harms no replica when it %s', async (name) => {
    const behaviour = BEHAVIOURS[name] as Behaviour;
    const host = await open(new MemoryPlace());
    await start(host, 2, () => new Journal());
    await expectNeighbourWell(host);
    const ends = Array.from({ length: 50 }, async () => {
      const { result } = host.propose(host.getNoOPSession(2), Buffer.from('x'), { timeoutMs: PATIENCE_MS });
      // The handler's own failure is its own: it goes into the promise that it returns.
      const handled = result.then(() => (name === 'never ends' ? undefined : behaviour(() => 'done')));
      await handled.catch(() => undefined);
      return (await result).completed();
    });
    expect(await Promise.all(ends)).toEqual(Array(50).fill(true));
    await expectStops(host);
    expect(unhandled).toEqual([]);
  });
});

describe('a factory of an adapter', () => {
  it.each(Object.keys(BEHAVIOURS))('leaves the data directory free when it %s', async (name) => {
    if (name === 'takes its time' || name === 'never ends') return; // it is waited for, and told of as slow
    const behaviour = BEHAVIOURS[name] as Behaviour;
    const openLogDB = (): Promise<never> => behaviour(() => undefined) as Promise<never>;
    const error = await open(new MemoryPlace(), {}, { openLogDB }).then(String, (reason: unknown) => reason);
    expect(isDrakkarError(error) || error === refusal || error === undefined).toBe(true);
    const host = await open(new MemoryPlace());
    await start(host, 2, () => new Journal());
    await expectNeighbourWell(host);
    expect(unhandled).toEqual([]);
  });
});

describe('an AbortSignal', () => {
  it('has one listener for all requests that share it, and ends all of them', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    try {
      const host = await open(new MemoryPlace());
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const machine = new Journal();
      await start(host, 2, () => machine);
      await expectNeighbourWell(host);
      machine.update = () => gate.then(() => 1);
      const controller = new AbortController();
      const requests = Array.from({ length: 100 }, (_, i) => {
        const options = { signal: controller.signal, timeoutMs: 60_000 };
        return i % 2 === 0
          ? host.syncRead(2, Buffer.from(''), options)
          : host.syncPropose(host.getNoOPSession(2), Buffer.from('x'), options);
      });
      const ends = Promise.allSettled(requests);
      controller.abort();
      for (const end of await ends) {
        expect(end).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CANCELED' } });
      }
      release();
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', warned);
    }
  });
});

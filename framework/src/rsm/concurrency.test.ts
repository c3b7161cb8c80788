import { describe, expect, it } from '@jest/globals';
import { type Entry, REGISTER_SERIES_ID, type Uint64, makeEntry } from '@drakkar/raftio';
import type { IStateMachine } from '../statemachine/contract.js';
import { AsyncRegisterMachine, RegisterMachine } from './testing/register-machine.js';
import { TestReplica, bytes, takeSnapshot } from './testing/replica.js';

/** A state machine of which every call waits until the test lets it go on. */
class StepMachine implements IStateMachine {
  readonly calls: string[] = [];
  readonly #waiting: { name: string; settle: (error?: Error) => void }[] = [];

  update(cmd: Uint8Array): Promise<Uint64> {
    return this.#call(`update ${new TextDecoder().decode(cmd)}`, this.calls.length);
  }
  lookup(): Promise<Uint8Array> {
    return this.#call('lookup', bytes('answer'));
  }
  saveSnapshot(): Promise<void> {
    return this.#call('saveSnapshot', undefined);
  }
  recoverFromSnapshot(): Promise<void> {
    return this.#call('recoverFromSnapshot', undefined);
  }
  close(): Promise<void> {
    return this.#call('close', undefined);
  }
  getHash(): Promise<Uint64> {
    return this.#call('getHash', 5);
  }

  /** Names of the calls that are running now. */
  get running(): string[] {
    return this.#waiting.map(({ name }) => name);
  }

  async finish(error?: Error): Promise<void> {
    await settle();
    const first = this.#waiting.shift();
    if (first === undefined) throw new Error('nothing is running');
    first.settle(error);
    await settle();
  }

  #call<T>(name: string, value: T): Promise<T> {
    this.calls.push(name);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, settle: (error) => (error === undefined ? resolve(value) : reject(error)) });
    });
  }
}

/** Runs every promise reaction that is due, and those that follow from them. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

function commands(first: number, ...names: string[]): Entry[] {
  return names.map((name, i) => makeEntry({ index: first + i, term: 3, clientID: 7, cmd: bytes(name) }));
}

const closed = expect.objectContaining({ code: 'ERR_CLUSTER_CLOSED' });
const query = new Uint8Array(0);

/** What the promise was rejected with. */
async function rejection(promise: unknown): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('was not rejected');
}

describe('state machines that return promises', () => {
  it('update one command after another', async () => {
    const { rsm, machine, listener } = new TestReplica(new StepMachine());
    const applied = rsm.apply(commands(1, 'a', 'b'));
    expect(machine.running).toEqual(['update a']);
    expect(rsm.lastApplied).toBe(0);
    await machine.finish();
    expect(machine.running).toEqual(['update b']);
    expect([rsm.lastApplied, listener.outcomes.length]).toEqual([1, 1]);
    await machine.finish();
    await applied;
    expect([rsm.lastApplied, listener.outcomes.length]).toEqual([2, 2]);
  });

  it('get batches that overlap in order', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const applied = [rsm.apply(commands(1, 'a', 'b')), rsm.apply(commands(3, 'c'))];
    const looked = rsm.lookup(query);
    for (let i = 0; i < 4; i++) await machine.finish();
    await applied[0];
    await applied[1];
    await looked;
    expect(machine.calls).toEqual(['update a', 'lookup', 'update b', 'update c']);
  });

  it('are not looked up during an update, but between two of a batch', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const applied = rsm.apply(commands(1, 'a', 'b'));
    const looked = [rsm.lookup(query), rsm.lookup(query)];
    await settle();
    expect(machine.running).toEqual(['update a']);
    await machine.finish();
    expect(machine.running).toEqual(['lookup', 'lookup']);
    await machine.finish();
    expect(machine.running).toEqual(['lookup']);
    await machine.finish();
    expect(machine.running).toEqual(['update b']);
    await machine.finish();
    await applied;
    expect([await looked[0], await looked[1]]).toEqual([bytes('answer'), bytes('answer')]);
  });

  it('are not updated during a lookup, a hash or a snapshot', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const looked = [rsm.lookup(query), rsm.getHash(), takeSnapshot(rsm)];
    const applied = rsm.apply(commands(1, 'a'));
    await settle();
    expect(machine.running).toEqual(['lookup', 'getHash', 'saveSnapshot']);
    for (let i = 0; i < 3; i++) await machine.finish();
    expect(machine.running).toEqual(['update a']);
    await machine.finish();
    await applied;
    expect(await looked[1]).toBe(5);
    await looked[2];
  });

  it('may look at themselves from outside while they update', async () => {
    class Curious extends AsyncRegisterMachine {
      answer: Promise<Uint8Array> | Uint8Array | undefined;
      override update(cmd: Uint8Array): Promise<Uint64> {
        this.answer ??= made.rsm.lookup(query);
        return super.update(cmd);
      }
    }
    const made = new TestReplica(new Curious());
    await made.rsm.apply(commands(1, 'a', 'b'));
    expect(await made.machine.answer).toEqual(bytes('a'));
  });
});

describe('state machines that return plain values', () => {
  it('are looked up at once', () => {
    const { rsm } = new TestReplica(new RegisterMachine());
    void rsm.apply(commands(1, 'a', 'b'));
    expect(rsm.lookup(query)).toEqual(bytes('a,b'));
    expect(rsm.getHash()).not.toBeInstanceOf(Promise);
    expect(rsm.getSessionHash()).not.toBeInstanceOf(Promise);
  });
});

describe('close', () => {
  it('waits for the running update, leaves the rest, and closes once', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const applied = rejection(rsm.apply(commands(1, 'a', 'b')));
    const looked = rejection(rsm.lookup(query));
    const closing = rsm.close();
    expect(rsm.close()).toBe(closing);
    await settle();
    expect(machine.running).toEqual(['update a']);
    await machine.finish();
    expect(machine.running).toEqual(['close']);
    await machine.finish();
    await closing;
    expect([await applied, await looked]).toEqual([closed, closed]);
    expect(machine.calls).toEqual(['update a', 'close']);
    expect(rsm.lastApplied).toBe(1);
  });

  it('refuses everything afterwards', async () => {
    const { rsm, machine } = new TestReplica(new RegisterMachine());
    const snapshot = await takeSnapshot(rsm);
    await rsm.close();
    const attempts: (() => unknown)[] = [
      () => rsm.apply([]),
      () => rsm.lookup(query),
      () => rsm.getHash(),
      () => rsm.getSessionHash(),
      () => rsm.getReplicaHash(),
      () => takeSnapshot(rsm),
      () => rsm.recover({ ...snapshot, index: 5 }, new AbortController().signal),
    ];
    for (const attempt of attempts) expect(await rejection((async () => attempt())())).toEqual(closed);
    await rsm.close();
    expect(machine.closed).toBe(1);
  });

  it('reports when the state machine could not close', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const closing = rejection(rsm.close());
    await machine.finish(new Error('no'));
    expect(await closing).toEqual(expect.objectContaining({ code: 'ERR_STATE_MACHINE_FAILED' }));
  });
});

describe('a state machine that fails', () => {
  class Failing extends RegisterMachine {
    readonly #fail: () => Uint64 | Promise<Uint64>;
    constructor(fail: () => unknown) {
      super();
      this.#fail = fail as () => Uint64 | Promise<Uint64>;
    }
    override update(cmd: Uint8Array): Uint64 | Promise<Uint64> {
      return cmd[0] === 0x21 ? this.#fail() : super.update(cmd);
    }
  }
  const boom = new Error('boom');
  const throwBoom = (): never => {
    throw boom;
  };

  it.each<[string, () => unknown, unknown]>([
    ['throws', throwBoom, boom],
    ['rejects', () => Promise.reject(boom), boom],
    ['returns nothing', () => undefined, expect.any(TypeError)],
    ['returns null', () => null, expect.any(TypeError)],
    ['returns a negative number', () => -1, expect.any(TypeError)],
    ['returns a fraction', () => 0.5, expect.any(TypeError)],
    ['returns an unsafe integer', () => 2 ** 53, expect.any(TypeError)],
    ['returns too large a bigint', () => 2n ** 64n, expect.any(TypeError)],
    ['returns a string', () => '1', expect.any(TypeError)],
    ['returns an object', () => ({}), expect.any(TypeError)],
    ['promises a string', () => Promise.resolve('1'), expect.any(TypeError)],
  ])('stops, failing in update: %s', async (_what, fail, cause) => {
    const { rsm, listener, machine } = new TestReplica(new Failing(fail));
    const failed = expect.objectContaining({
      code: 'ERR_STATE_MACHINE_FAILED',
      retry: 'never',
      cause,
      details: { clusterID: 1, nodeID: 2, index: 2 },
    });
    expect(await rejection((async () => rsm.apply(commands(1, 'a', '!', 'b')))())).toEqual(failed);
    expect([rsm.lastApplied, listener.outcomes.length]).toEqual([1, 1]);
    expect(await rejection((async () => rsm.lookup(query))())).toEqual(failed);
    expect(await rejection((async () => rsm.apply(commands(2, 'b')))())).toEqual(failed);
    expect(await rejection(takeSnapshot(rsm))).toEqual(failed);
    await rsm.close();
    expect(machine.closed).toBe(1);
  });

  it('lets those who wait know', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const waiting = [rsm.apply(commands(1, 'a')), rsm.apply(commands(2, 'b')), rsm.lookup(query)].map(
      rejection,
    );
    await machine.finish(boom);
    for (const error of await Promise.all(waiting)) {
      expect(error).toEqual(expect.objectContaining({ code: 'ERR_STATE_MACHINE_FAILED' }));
    }
    expect(machine.calls).toEqual(['update a']);
  });

  it.each(['at once', 'later'])('fails only the caller of a lookup, %s', async (when) => {
    class Refusing extends RegisterMachine {
      override lookup(): Uint8Array | Promise<Uint8Array> {
        if (when === 'later') return Promise.reject(boom);
        throw boom;
      }
    }
    const { rsm } = new TestReplica(new Refusing());
    expect(await rejection((async () => rsm.lookup(query))())).toBe(boom);
    expect(rsm.apply(commands(1, 'a'))).toBeUndefined();
    expect(rsm.lastApplied).toBe(1);
  });

  it('fails only that snapshot in saveSnapshot', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const taken = rejection(takeSnapshot(rsm));
    await machine.finish(boom);
    expect(await taken).toBe(boom);
    const applied = rsm.apply(commands(1, 'a'));
    await machine.finish();
    await applied;
    expect(rsm.lastApplied).toBe(1);
  });

  it('a listener that throws stops the replica too', () => {
    const { rsm, listener } = new TestReplica(new RegisterMachine());
    listener.onApplied = throwBoom;
    expect(() => rsm.apply(commands(1, 'a'))).toThrow(boom);
    expect(() => rsm.lookup(query)).toThrow(boom);
  });
});

describe('snapshots', () => {
  const signal = new AbortController().signal;

  async function snapshotOf(...names: string[]): ReturnType<typeof takeSnapshot> {
    const { rsm } = new TestReplica(new RegisterMachine());
    void rsm.apply([
      makeEntry({ index: 1, term: 3, clientID: 9, seriesID: REGISTER_SERIES_ID }),
      ...commands(2, ...names),
    ]);
    return await takeSnapshot(rsm);
  }

  it('stand for the log up to their index', async () => {
    const { rsm, machine } = new TestReplica(new RegisterMachine());
    await rsm.recover(await snapshotOf('a', 'b'), signal);
    expect([rsm.lastApplied, rsm.lastAppliedTerm, machine.commands]).toEqual([3, 3, ['a', 'b']]);
    void rsm.apply([makeEntry({ index: 4, term: 3, clientID: 9, seriesID: 1, cmd: bytes('c') })]);
    expect(machine.commands).toEqual(['a', 'b', 'c']);
  });

  it('are refused when they bring nothing new', async () => {
    const { rsm, machine } = new TestReplica(new RegisterMachine());
    void rsm.apply(commands(1, 'x', 'y', 'z'));
    const error = await rejection(rsm.recover(await snapshotOf('a', 'b'), signal));
    expect(error).toEqual(expect.objectContaining({ code: 'ERR_SNAPSHOT_OUT_OF_DATE' }));
    expect([rsm.lastApplied, machine.commands]).toEqual([3, ['x', 'y', 'z']]);
    expect(rsm.apply(commands(4, 'w'))).toBeUndefined();
  });

  it('are refused with damaged sessions before anything is changed', async () => {
    const { rsm, machine } = new TestReplica(new RegisterMachine());
    void rsm.apply(commands(1, 'x'));
    const snapshot = await snapshotOf('a', 'b');
    snapshot.sessions[5] = 0xff;
    expect(await rejection(rsm.recover(snapshot, signal))).toEqual(
      expect.objectContaining({ code: 'ERR_SESSIONS_CORRUPT' }),
    );
    expect([rsm.lastApplied, machine.commands]).toEqual([1, ['x']]);
    expect(rsm.apply(commands(2, 'y'))).toBeUndefined();
  });

  it("stop the replica when the state machine can't read its part", async () => {
    const { rsm } = new TestReplica(new RegisterMachine());
    const snapshot = await snapshotOf('a');
    async function* torn(): AsyncGenerator<Uint8Array> {
      yield bytes('{');
    }
    const failed = expect.objectContaining({
      code: 'ERR_STATE_MACHINE_FAILED',
      cause: expect.any(SyntaxError),
    });
    expect(await rejection(rsm.recover({ ...snapshot, reader: torn() }, signal))).toEqual(failed);
    expect(rsm.lastApplied).toBe(0);
    expect(await rejection((async () => rsm.apply(commands(1, 'a')))())).toEqual(failed);
  });

  it('are taken of one moment, while entries wait', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const first = rsm.apply(commands(1, 'a', 'b'));
    const taken = takeSnapshot(rsm);
    await machine.finish();
    expect(machine.running).toEqual(['saveSnapshot']);
    expect(rsm.lastApplied).toBe(1);
    await machine.finish();
    expect((await taken).index).toBe(1);
    expect(machine.running).toEqual(['update b']);
    await machine.finish();
    await first;
  });

  it('wait for a running apply to end before they replace anything', async () => {
    const { rsm, machine } = new TestReplica(new StepMachine());
    const applied = rsm.apply(commands(1, 'a', 'b'));
    const recovered = rsm.recover(await snapshotOf('a', 'b', 'c', 'd'), signal);
    for (let i = 0; i < 3; i++) await machine.finish();
    await applied;
    await recovered;
    expect(machine.calls).toEqual(['update a', 'update b', 'recoverFromSnapshot']);
    expect(rsm.lastApplied).toBe(5);
  });
});

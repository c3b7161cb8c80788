import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type Entry,
  EntryType,
  type GroupSettings,
  REGISTER_SERIES_ID,
  UNREGISTER_SERIES_ID,
  type Uint64,
  makeEntry,
} from '@drakkar/raftio';
import fc from 'fast-check';
import type { ReplicaHash } from './types.js';
import { AsyncRegisterMachine, RegisterMachine } from './testing/register-machine.js';
import { TestReplica, bytes, configChange, takeSnapshot } from './testing/replica.js';

/*
 * Whatever the log, replicas that apply it are equal: in one batch or in many, with a state machine that returns
 * promises or values, from the beginning or from a snapshot taken on the way. And they do what a model of the
 * sessions says that is written for clarity alone.
 */

const MAX_SESSIONS = 3;
const signal = new AbortController().signal;

type Op =
  | { op: 'empty' | 'unmanaged' }
  | { op: 'noop'; client: number }
  | { op: 'register' | 'unregister'; client: number }
  | { op: 'propose'; client: number; series: Uint64; respondedTo: number }
  | {
      op: 'change';
      type: ConfigChangeType;
      nodeID: number;
      address: number;
      id: number;
      initialize: boolean;
    }
  | { op: 'raise'; settings: GroupSettings }
  | { op: 'set'; settings: Partial<GroupSettings> };

const MEMBER_CHANGES = [ConfigChangeType.AddNode, ConfigChangeType.RemoveNode, ConfigChangeType.AddObserver];

const client = fc.integer({ min: 1, max: 6 });
const nodeID = fc.integer({ min: 0, max: 5 });
const series = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 6 }) },
  { weight: 1, arbitrary: fc.constant(2n ** 60n) },
);
const settings = fc.record({
  orderedConfigChange: fc.boolean(),
  lruMaxSessionCount: fc.integer({ min: 1, max: 4 }),
});
const someSettings = fc.oneof(
  settings,
  settings.map(({ orderedConfigChange }) => ({ orderedConfigChange })),
  settings.map(({ lruMaxSessionCount }) => ({ lruMaxSessionCount })),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('empty' as const, 'unmanaged' as const) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('register' as const), client }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom('noop' as const, 'unregister' as const), client }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('propose' as const),
      client,
      series,
      respondedTo: fc.nat({ max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('change' as const),
      type: fc.constantFrom(...MEMBER_CHANGES),
      nodeID,
      address: nodeID,
      id: fc.nat({ max: 40 }),
      initialize: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('raise' as const), settings }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('set' as const), settings: someSettings }) },
);

function toEntry(made: Op, i: number): Entry {
  const place = { index: i + 1, term: 1 + Math.floor(i / 7), cmd: bytes(`cmd ${i}`) };
  switch (made.op) {
    case 'empty':
      return makeEntry({ ...place, cmd: bytes('') });
    case 'unmanaged':
      return makeEntry(place);
    case 'noop':
      return makeEntry({ ...place, clientID: made.client });
    case 'register':
      return makeEntry({ ...place, clientID: made.client, seriesID: REGISTER_SERIES_ID });
    case 'unregister':
      return makeEntry({ ...place, clientID: made.client, seriesID: UNREGISTER_SERIES_ID });
    case 'propose': {
      const { client: clientID, series: seriesID, respondedTo } = made;
      return makeEntry({ ...place, clientID, seriesID, respondedTo });
    }
    case 'change': {
      const cmd = configChange({ ...made, address: `host${made.address}:1`, configChangeID: made.id });
      return makeEntry({ ...place, type: EntryType.ConfigChangeEntry, cmd });
    }
    case 'raise': {
      const cmd = configChange({ type: ConfigChangeType.RaiseLevel, level: 1, settings: made.settings });
      return makeEntry({ ...place, type: EntryType.ConfigChangeEntry, cmd });
    }
    case 'set': {
      const cmd = configChange({ type: ConfigChangeType.SetSettings, settings: made.settings });
      return makeEntry({ ...place, type: EntryType.ConfigChangeEntry, cmd });
    }
  }
}

/** Which commands the state machine gets, by the words of thesis 6.3. */
function modelOfCommands(log: readonly Op[]): string[] {
  const commands: string[] = [];
  let sessions: { client: number; respondedTo: Uint64; done: Set<Uint64> }[] = []; // the most recently used one last
  let limit = MAX_SESSIONS;
  let isRaised = false;
  log.forEach((made, i) => {
    if ((made.op === 'raise' && !isRaised) || (made.op === 'set' && isRaised)) {
      isRaised = true;
      limit = made.settings.lruMaxSessionCount ?? limit;
      sessions = sessions.slice(-limit);
    }
    if (made.op === 'noop') commands.push(`cmd ${i}`);
    if (made.op !== 'register' && made.op !== 'unregister' && made.op !== 'propose') return;
    const known = sessions.find((session) => session.client === made.client);
    sessions = sessions.filter((session) => session !== known);
    if (made.op === 'unregister') return;
    if (made.op === 'register')
      sessions.push(known ?? { client: made.client, respondedTo: 0, done: new Set() });
    sessions = sessions.slice(-limit);
    if (made.op !== 'propose' || known === undefined) return;
    sessions.push(known);
    if (made.respondedTo > known.respondedTo) known.respondedTo = made.respondedTo;
    if (made.series <= known.respondedTo || known.done.has(made.series)) return;
    known.done.add(made.series);
    commands.push(`cmd ${i}`);
  });
  return commands;
}

interface Plan {
  log: Op[];
  /** Length of each batch, over and over. */
  batches: number[];
  snapshotAt: number;
  ordered: boolean;
  rules: 'strict' | 'dragonboat';
}

const plan: fc.Arbitrary<Plan> = fc
  .record({
    log: fc.array(op, { minLength: 1, maxLength: 60, size: 'max' }),
    batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
    snapshotAt: fc.nat({ max: 60 }),
    ordered: fc.boolean(),
    rules: fc.constantFrom('strict' as const, 'dragonboat' as const),
  })
  .map((made) => {
    // Dragonboat knows no levels, and no settings in the log.
    const log = made.log.filter(({ op: kind }) => kind !== 'raise' && kind !== 'set');
    return made.rules === 'strict' ? made : { ...made, log: log.length > 0 ? log : [{ op: 'empty' }] };
  });

async function applyInBatches(
  replica: TestReplica,
  entries: readonly Entry[],
  batches: number[],
): Promise<void> {
  for (let at = 0, i = 0; at < entries.length; i++) {
    const length = batches[i % batches.length] ?? 1;
    await replica.rsm.apply(entries.slice(at, at + length));
    at += length;
  }
}

describe('replicas of one log', () => {
  it('are equal', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ log, batches, snapshotAt, ordered, rules }) => {
        const options = {
          maxSessionCount: MAX_SESSIONS,
          orderedConfigChange: ordered,
          membershipRules: rules,
        };
        const entries = log.map(toEntry);
        const make = (machine: RegisterMachine): TestReplica => new TestReplica(machine, options);
        const whole = make(new RegisterMachine());
        expect(whole.rsm.apply(entries)).toBeUndefined();
        const pieces = make(new AsyncRegisterMachine());
        await applyInBatches(pieces, entries, batches);

        const cut = 1 + (snapshotAt % entries.length);
        const before = make(new AsyncRegisterMachine());
        await before.rsm.apply(entries.slice(0, cut));
        const restored = make(new RegisterMachine());
        await restored.rsm.recover(await takeSnapshot(before.rsm), signal);
        await applyInBatches(restored, entries.slice(cut), batches);

        const expected = await whole.rsm.getReplicaHash();
        expect(expected.index).toBe(entries.length);
        for (const replica of [pieces, restored]) {
          expect(await replica.rsm.getReplicaHash()).toEqual(expected);
          expect(replica.rsm.getMembership()).toEqual(whole.rsm.getMembership());
          expect(replica.rsm.lastAppliedTerm).toBe(whole.rsm.lastAppliedTerm);
          expect(replica.machine.commands).toEqual(whole.machine.commands);
        }
        expect(pieces.listener).toEqual(whole.listener);
        expect([...before.listener.outcomes, ...restored.listener.outcomes]).toEqual(whole.listener.outcomes);
        expect(whole.machine.commands).toEqual(modelOfCommands(log));
      }),
      { numRuns: 300 },
    );
  });

  it.each<[keyof ReplicaHash, Op]>([
    ['stateMachine', { op: 'noop', client: 1 }],
    ['sessions', { op: 'register', client: 3 }],
    ['sessions', { op: 'register', client: 1 }],
    ['sessions', { op: 'propose', client: 1, series: 9, respondedTo: 8 }],
    ['membership', { op: 'change', type: 0, nodeID: 1, address: 1, id: 0, initialize: false }],
  ])('differ in the hash of %s after %p', async (part, last) => {
    const base: Op[] = [
      { op: 'register', client: 1 },
      { op: 'register', client: 2 },
    ];
    const hashOf = async (log: Op[]): Promise<Uint64> => {
      const replica = new TestReplica(new RegisterMachine());
      await replica.rsm.apply(log.map(toEntry));
      return (await replica.rsm.getReplicaHash())[part];
    };
    expect(await hashOf([...base, last])).not.toBe(await hashOf([...base, { op: 'empty' }]));
  });
});

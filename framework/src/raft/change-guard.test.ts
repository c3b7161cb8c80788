import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type Entry,
  EntryType,
  LATEST_LEVEL,
  MessageType,
  OWN_FEATURES,
  encodeConfigChange,
  makeEntry,
} from '@drakkar/raftio';
import { MAX_PROMOTION_LAG_ENTRIES, refusalFields, refusalFrom } from './change-guard.js';
import { Solo, emptyInit, initWithTerms } from './testing/solo.js';
import type { RaftUpdate } from './types.js';

const { AddNode, AddObserver, RemoveNode } = ConfigChangeType;
const PATIENCE_TICKS = 10;

function change(type: ConfigChangeType, nodeID: number, force?: boolean): Entry {
  const cmd = encodeConfigChange({
    configChangeID: 0,
    type,
    nodeID,
    address: 'a:1',
    initialize: false,
    force,
  });
  return makeEntry({ type: EntryType.ConfigChangeEntry, key: 7, cmd });
}

/** A leader of `voters` that hears from `live` of them; time goes on until it knows who is there. */
function leading(voters: number[], live: number[], observers: number[] = []): Solo {
  const solo = new Solo({ checkQuorum: false }, emptyInit(voters, observers));
  solo.elect(...live);
  hear(solo, live, PATIENCE_TICKS + 2);
  return solo;
}

function hear(solo: Solo, live: readonly number[], ticks: number): void {
  for (let i = 0; i < ticks; i++) {
    for (const nodeID of live) solo.ack(nodeID);
    solo.tick();
    solo.drain();
  }
}

/** A replica whose log begins behind a snapshot, which is all that it has. */
function compacted(voters: number[], observers: number[] = []): Solo {
  const init = emptyInit(voters, observers);
  Object.assign(init, { snapshotIndex: 50, snapshotTerm: 1, firstIndex: 51, lastIndex: 50, applied: 50 });
  init.state = { term: 1, vote: 0, commit: 50 };
  return new Solo({}, init);
}

/** A leader at the latest level, and what the hosts of the others announce. */
function announcing(voters: number[], observers: number[]): { solo: Solo; features: Map<number, number> } {
  const features = new Map([...voters, ...observers].map((nodeID) => [nodeID, OWN_FEATURES]));
  const init = { ...emptyInit(voters, observers), level: LATEST_LEVEL };
  const solo = new Solo({ featuresOf: (nodeID) => features.get(nodeID) ?? 0 }, init);
  solo.elect();
  return { solo, features };
}

interface End {
  appended: boolean;
  refused: string | undefined;
}

function endOf(updates: readonly RaftUpdate[]): End {
  return {
    appended: updates.some(({ entriesToSave }) => entriesToSave.some((entry) => entry.type === 1)),
    refused: updates.flatMap(({ refusedConfigChanges }) => refusedConfigChanges)[0]?.refusal.kind,
  };
}

function propose(solo: Solo, entry: Entry): End {
  solo.raft.proposeConfigChange(entry);
  return endOf(solo.drain().updates);
}

describe('a member whose messages are not taken any more, since it differs', () => {
  it('does not count as heard, however lately it was', () => {
    const refused = new Set<number>();
    const isRefused = (nodeID: number): boolean => refused.has(nodeID);
    const solo = new Solo({ checkQuorum: false, isRefused }, emptyInit([1, 2, 3], [4]));
    solo.elect(2, 3);
    hear(solo, [2, 3, 4], PATIENCE_TICKS + 2);
    refused.add(3).add(4);
    expect(propose(solo, change(RemoveNode, 2))).toEqual({ appended: false, refused: 'quorumAtRisk' });
    expect(propose(solo, change(AddNode, 4))).toEqual({ appended: false, refused: 'observerBehind' });
    expect(propose(solo, change(RemoveNode, 3)).appended).toBe(true);
  });
});

describe('a host that does not know the level of the group', () => {
  it.each([
    [AddNode, 0, undefined, false],
    [AddObserver, 0, undefined, false],
    [AddObserver, 0, true, true],
    [AddObserver, undefined, undefined, true],
    [AddObserver, OWN_FEATURES, undefined, true],
  ])('gets no member while it is known: change %p, features %p, force %p', (type, features, force, taken) => {
    const hostFeaturesOf = (address: string): number | undefined =>
      address === 'a:1' ? features : OWN_FEATURES;
    const featuresOf = (): number => OWN_FEATURES;
    const init = { ...emptyInit([1, 2, 3]), level: LATEST_LEVEL };
    const solo = new Solo({ checkQuorum: false, hostFeaturesOf, featuresOf }, init);
    solo.elect(2);
    hear(solo, [2, 3], PATIENCE_TICKS + 2);
    const refused = taken ? undefined : 'hostOutdated';
    expect(propose(solo, change(type, 5, force))).toEqual({ appended: taken, refused });
  });
});

const APPENDED: End = { appended: true, refused: undefined };
const refused = (kind: string): End => ({ appended: false, refused: kind });

describe('a change that would cost the quorum', () => {
  it.each<[string, number[], number[], Entry, End]>([
    ['3 of 3 to 4: taken', [1, 2, 3], [2, 3], change(AddNode, 4), APPENDED],
    ['a group of one to 2: refused', [1], [], change(AddNode, 2), refused('quorumAtRisk')],
    ['2 of 3 to 4: refused', [1, 2, 3], [2], change(AddNode, 4), refused('quorumAtRisk')],
    [
      'the live one of 2 of 3 removed: refused',
      [1, 2, 3],
      [2],
      change(RemoveNode, 2),
      refused('quorumAtRisk'),
    ],
    ['the lost one of 2 of 3 removed: taken', [1, 2, 3], [2], change(RemoveNode, 3), APPENDED],
    ['an observer for a group of one: taken', [1], [], change(AddObserver, 2), APPENDED],
    ['forced: taken', [1], [], change(AddNode, 2, true), APPENDED],
  ])('%s', (_, voters, live, entry, end) => {
    expect(propose(leading(voters, live), entry)).toEqual(end);
  });

  it('leaves no force in the log', () => {
    const solo = leading([1], []);
    solo.raft.proposeConfigChange(change(AddNode, 2, true));
    const saved = solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(saved.map(({ cmd }) => cmd)).toEqual([change(AddNode, 2).cmd]);
  });

  it('waits in a new leader until it knows who is there', () => {
    const solo = new Solo({}, emptyInit([1, 2, 3]));
    solo.elect(2);
    solo.ack(2);
    solo.drain();
    expect(propose(solo, change(AddNode, 4))).toEqual({ appended: false, refused: undefined });
    solo.raft.proposeConfigChange(change(AddNode, 5));
    expect(solo.drain().updates.flatMap(({ rejectedConfigChanges }) => rejectedConfigChanges)).toHaveLength(
      1,
    );
    solo.ack(3);
    expect(endOf(solo.drain().updates)).toEqual(APPENDED);
  });

  it('is refused when nobody else was heard in that time', () => {
    const solo = new Solo({}, emptyInit([1, 2, 3]));
    solo.elect(2);
    solo.ack(2);
    solo.drain();
    propose(solo, change(AddNode, 4));
    const updates: RaftUpdate[] = [];
    for (let i = 0; i < PATIENCE_TICKS; i++) {
      solo.ack(2);
      solo.tick();
      updates.push(...solo.drain().updates);
    }
    expect(endOf(updates)).toEqual(refused('quorumAtRisk'));
  });

  it('is given back when leadership is lost while it waits', () => {
    const solo = new Solo({}, emptyInit([1, 2, 3]));
    solo.elect(2);
    solo.ack(2);
    solo.drain();
    propose(solo, change(AddNode, 4));
    solo.step(2, MessageType.Heartbeat, { term: solo.raft.term + 1 });
    const { updates } = solo.drain();
    expect(updates.flatMap(({ droppedProposals }) => droppedProposals)).toHaveLength(1);
  });

  it('counts nobody as heard whom a sleeping leader has not heard since it woke', () => {
    const solo = new Solo({ quiesce: true }, emptyInit([1, 2, 3]));
    solo.elect(2, 3);
    hear(solo, [2, 3], 1);
    for (let i = 0; i < 300 && !solo.raft.isQuiesced; i++) {
      for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp);
      solo.tick();
      solo.drain();
    }
    expect(solo.raft.isQuiesced).toBe(true);
    expect(propose(solo, change(AddNode, 4))).toEqual({ appended: false, refused: undefined });
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    expect(endOf(solo.drain().updates)).toEqual(APPENDED);
  });
});

describe('a promotion', () => {
  it('is refused of an observer that does not answer', () => {
    expect(propose(leading([1, 2, 3], [2, 3], [4]), change(AddNode, 4))).toEqual(refused('observerBehind'));
  });

  it('is taken of one that has caught up, in a group of one too', () => {
    expect(propose(leading([1], [4], [4]), change(AddNode, 4))).toEqual(APPENDED);
  });

  it('is refused of one whose host does not announce the level of the group: it would be sent nothing', () => {
    const { solo, features } = announcing([1], [4]);
    hear(solo, [4], PATIENCE_TICKS + 2);
    features.set(4, 0);
    expect(propose(solo, change(AddNode, 4))).toEqual(refused('observerBehind'));
    features.set(4, OWN_FEATURES);
    expect(propose(solo, change(AddNode, 4))).toEqual(APPENDED);
  });

  it('is refused of one that needs a snapshot first, however short the log is', () => {
    const solo = compacted([1], [4]);
    solo.elect();
    hear(solo, [], 1);
    const answer = (): void => {
      for (let i = 0; i < PATIENCE_TICKS + 1; i++) {
        solo.step(4, MessageType.HeartbeatResp);
        solo.tick();
        solo.drain();
      }
    };
    answer();
    expect(propose(solo, change(AddNode, 4))).toEqual(refused('observerBehind'));
    hear(solo, [4], 2);
    expect(propose(solo, change(AddNode, 4))).toEqual(APPENDED);
  });

  it('is refused of one that is too far behind, and taken within the bound', () => {
    const count = MAX_PROMOTION_LAG_ENTRIES + 10;
    const log = Array.from({ length: count }, (_, i) => makeEntry({ term: 1, index: i + 1 }));
    const init = initWithTerms(log, { term: 1, vote: 0, commit: count });
    const solo = new Solo({}, { ...init, membership: emptyInit([1], [4]).membership });
    solo.elect();
    const answer = (index: number): void => {
      for (let i = 0; i < PATIENCE_TICKS + 1; i++) {
        solo.ack(4, index);
        solo.tick();
        solo.drain();
      }
    };
    answer(1);
    expect(propose(solo, change(AddNode, 4))).toEqual(refused('observerBehind'));
    answer(20);
    expect(propose(solo, change(AddNode, 4))).toEqual(APPENDED);
  });
});

describe('a removal', () => {
  it('does not count a member that needs a snapshot first', () => {
    const solo = compacted([1, 2, 3]);
    solo.elect(3);
    for (let i = 0; i < PATIENCE_TICKS + 1; i++) {
      solo.step(2, MessageType.HeartbeatResp);
      hear(solo, [3], 1);
    }
    expect(propose(solo, change(RemoveNode, 3))).toEqual(refused('quorumAtRisk'));
    hear(solo, [2, 3], 2);
    expect(propose(solo, change(RemoveNode, 3))).toEqual(APPENDED);
  });

  it('is refused for a node that is no member, forced or not', () => {
    for (const force of [false, true]) {
      expect(propose(leading([1, 2, 3], [2, 3]), change(RemoveNode, 9, force))).toEqual(
        refused('notAMember'),
      );
    }
  });

  it('is left to those who apply it when it concerns the last voting member', () => {
    expect(propose(leading([1], []), change(RemoveNode, 1))).toEqual(APPENDED);
  });
});

describe('a forwarded change that is refused', () => {
  it('is answered by an empty entry with its key and the reason', () => {
    const solo = leading([1, 2, 3], [2, 3]);
    solo.step(2, MessageType.Propose, { term: 0, entries: [change(RemoveNode, 9)] });
    const [answer] = solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(answer).toMatchObject({ type: EntryType.ApplicationEntry, key: 7, cmdLength: 0, clientID: 0 });
    const reason = { kind: 'notAMember', value: 9, limit: 0 };
    expect(refusalFrom(answer?.seriesID ?? 0, answer?.respondedTo ?? 0)).toEqual(reason);
  });

  it('carries its reason through the fields of the entry', () => {
    for (const kind of ['quorumAtRisk', 'observerBehind', 'notAMember'] as const) {
      const refusal = { kind, value: 12, limit: 2 ** 40 };
      const { seriesID, respondedTo } = refusalFields(refusal);
      expect(refusalFrom(seriesID, respondedTo)).toEqual(refusal);
    }
    expect(refusalFrom(0, 0)).toBeUndefined();
  });
});

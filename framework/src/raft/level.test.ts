import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type Entry,
  EntryType,
  LATEST_LEVEL,
  MessageType,
  OWN_FEATURES,
  decodeConfigChange,
  encodeConfigChange,
  makeEntry,
} from '@drakkar/raftio';
import { Solo, emptyInit, ofType } from './testing/solo.js';
import type { RaftConfig } from './types.js';

/** Leader 1 of voters 1 to 3 and observer 4, each with what its host announces. */
function leader(features: Map<number, number>, config: Partial<RaftConfig> = {}): Solo {
  const featuresOf = (nodeID: number): number => features.get(nodeID) ?? 0;
  const solo = new Solo({ featuresOf, settings: () => SETTINGS, ...config }, emptyInit([1, 2, 3], [4]));
  solo.lead();
  solo.ack(4);
  return solo;
}

const SETTINGS = { orderedConfigChange: true, lruMaxSessionCount: 17 };
const ALL_KNOW = [2, 3, 4].map((nodeID): [number, number] => [nodeID, OWN_FEATURES]);

function raisesIn(entries: readonly Entry[]): number[] {
  return entries
    .filter(({ type }) => type === EntryType.ConfigChangeEntry)
    .map(({ cmd }) => decodeConfigChange(cmd))
    .filter(({ type }) => type === ConfigChangeType.RaiseLevel)
    .map(({ level = 0 }) => level);
}

/** What the leader puts into its log in a tick. */
function raisesOfTick(solo: Solo): number[] {
  solo.tick();
  return solo.drain().updates.flatMap(({ entriesToSave }) => raisesIn(entriesToSave));
}

/** Acknowledges all, so that the entry is applied, and tells the core its outcome. */
function raise(solo: Solo): void {
  expect(raisesOfTick(solo)).toEqual([LATEST_LEVEL]);
  for (const nodeID of [2, 3, 4]) solo.ack(nodeID);
  solo.drain();
  solo.raft.setLevel(LATEST_LEVEL);
}

describe('the feature level of a group', () => {
  it('is raised by the leader once every member has announced it, observers too', () => {
    const features = new Map(ALL_KNOW.slice(0, 2));
    const solo = leader(features);
    expect(raisesOfTick(solo)).toEqual([]);
    features.set(4, OWN_FEATURES);
    raise(solo);
    expect(solo.raft.status().level).toBe(LATEST_LEVEL);
    expect(raisesOfTick(solo)).toEqual([]);
  });

  it('is raised by nobody else, and not before the leader has committed an entry of its term', () => {
    const features = new Map(ALL_KNOW);
    const solo = new Solo(
      { featuresOf: (nodeID) => features.get(nodeID) ?? 0, settings: () => SETTINGS },
      emptyInit([1, 2, 3], [4]),
    );
    expect(raisesOfTick(solo)).toEqual([]);
    solo.elect(2);
    expect(raisesOfTick(solo)).toEqual([]);
    solo.ack(2);
    // Who has acknowledged nothing of this leader may apply entries otherwise: its messages would not get here.
    for (const nodeID of [3, 4]) {
      expect(raisesOfTick(solo)).toEqual([]);
      solo.ack(nodeID);
    }
    expect(raisesOfTick(solo)).toEqual([LATEST_LEVEL]);
    expect(raisesOfTick(solo)).toEqual([]); // one is under way
  });

  it('carries the settings of the leader', () => {
    const solo = leader(new Map(ALL_KNOW));
    solo.tick();
    const saved = solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(saved.map(({ cmd }) => decodeConfigChange(cmd).settings)).toEqual([SETTINGS]);
  });

  it('lets no settings be set before it is raised', () => {
    const solo = leader(new Map());
    const set = { configChangeID: 0, type: ConfigChangeType.SetSettings, nodeID: 0, address: '' };
    const cmd = encodeConfigChange({ ...set, initialize: false, settings: SETTINGS });
    const change = makeEntry({ type: EntryType.ConfigChangeEntry, key: 5, cmd });
    solo.raft.proposeConfigChange(change);
    const { updates } = solo.drain();
    expect(updates.flatMap(({ rejectedConfigChanges }) => rejectedConfigChanges)).toEqual([change]);
    solo.step(2, MessageType.Propose, { term: 0, entries: [change] });
    const saved = solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(saved.map(({ type, key }) => [type, key])).toEqual([[EntryType.ApplicationEntry, 5]]);
    solo.raft.setLevel(1);
    solo.step(2, MessageType.Propose, { term: 0, entries: [change] });
    const later = solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(later.map(({ type, key }) => [type, key])).toEqual([[EntryType.ConfigChangeEntry, 5]]);
  });

  it('is raised by no proposal that another member forwards', () => {
    const solo = leader(new Map());
    const change = { configChangeID: 0, type: ConfigChangeType.RaiseLevel, nodeID: 0, address: '' };
    const cmd = encodeConfigChange({ ...change, initialize: false, level: LATEST_LEVEL, settings: SETTINGS });
    const entries = [makeEntry({ type: EntryType.ConfigChangeEntry, key: 5, cmd })];
    solo.step(2, MessageType.Propose, { term: 0, entries });
    expect(solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave)).toEqual([]);
  });

  it('waits for a membership change under way, and holds one that is asked for until it is raised', () => {
    const features = new Map(ALL_KNOW);
    const solo = leader(features);
    const addition = { configChangeID: 0, type: ConfigChangeType.AddNode, nodeID: 5, address: 'a5' };
    const cmd = encodeConfigChange({ ...addition, initialize: false });
    const change = makeEntry({ type: EntryType.ConfigChangeEntry, cmd });
    solo.raft.proposeConfigChange(change);
    expect(raisesOfTick(solo)).toEqual([]);
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    solo.drain();
    expect(raisesOfTick(solo)).toEqual([LATEST_LEVEL]);
    const later = makeEntry({ type: EntryType.ConfigChangeEntry, key: 7, cmd });
    solo.raft.proposeConfigChange(later);
    const { updates } = solo.drain();
    expect(updates.flatMap(({ rejectedConfigChanges }) => rejectedConfigChanges)).toEqual([]);
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    const saved = solo.drain().updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(saved.map(({ key }) => key)).toEqual([7]);
  });

  it('keeps entries from a member whose host does not announce it any more, and heartbeats go on', () => {
    const features = new Map(ALL_KNOW);
    const solo = leader(features, { checkQuorum: true });
    raise(solo);
    features.delete(3);
    solo.raft.propose([makeEntry({ cmd: new Uint8Array(3) })]);
    const { messages } = solo.drain();
    expect(ofType(messages, MessageType.Replicate).map(({ to }) => to)).toEqual([2, 4]);
    const reported: number[] = [];
    for (let tick = 0; tick < 40; tick++) {
      for (const nodeID of [2, 3, 4]) solo.step(nodeID, MessageType.HeartbeatResp);
      solo.tick();
      const round = solo.drain();
      expect(ofType(round.messages, MessageType.Replicate).filter(({ to }) => to === 3)).toEqual([]);
      if (tick % 2 === 0)
        expect(ofType(round.messages, MessageType.Heartbeat).map(({ to }) => to)).toContain(3);
      reported.push(...round.updates.flatMap(({ outdatedMembers }) => outdatedMembers));
    }
    expect(reported).toEqual([3]);
    features.set(3, OWN_FEATURES);
    solo.step(3, MessageType.HeartbeatResp);
    expect(ofType(solo.drain().messages, MessageType.Replicate).map(({ to }) => to)).toEqual([3]);
  });

  it('is not missed at a member whose host was stopped just now', () => {
    const features = new Map(ALL_KNOW);
    const solo = leader(features, { checkQuorum: true });
    raise(solo);
    for (let run = 0; run < 3; run++) {
      for (let tick = 0; tick < 45; tick++) {
        // What its host had announced is forgotten as soon as the connection ends.
        const isUp = tick < 13;
        if (isUp) features.set(3, OWN_FEATURES);
        else features.delete(3);
        for (const nodeID of isUp ? [2, 3, 4] : [2, 4]) solo.step(nodeID, MessageType.HeartbeatResp);
        solo.tick();
        expect(solo.drain().updates.flatMap(({ outdatedMembers }) => outdatedMembers)).toEqual([]);
      }
    }
  });

  it('keeps snapshots from such a member', () => {
    const features = new Map(ALL_KNOW);
    const solo = leader(features);
    raise(solo);
    features.delete(3);
    solo.raft.propose([makeEntry({ cmd: new Uint8Array(3) })]);
    solo.drain();
    for (const nodeID of [2, 4]) solo.ack(nodeID);
    solo.drain();
    const { commit: index, term, membership } = solo.raft.status();
    solo.raft.snapshotCreated({ filepath: '', fileSize: 0, index, term, membership, files: [] });
    solo.raft.compacted(index);
    for (let round = 0; round < 5; round++) {
      solo.step(3, MessageType.HeartbeatResp);
      expect(ofType(solo.drain().messages, MessageType.InstallSnapshot)).toEqual([]);
    }
  });

  it('is known from the start on, when a replica has it already', () => {
    const solo = new Solo(
      { featuresOf: () => 0, settings: () => SETTINGS },
      { ...emptyInit([1, 2, 3]), level: LATEST_LEVEL },
    );
    solo.elect(2);
    expect(solo.raft.status().level).toBe(LATEST_LEVEL);
    expect(raisesOfTick(solo)).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type GroupSettings,
  LATEST_LEVEL,
  NOOP_SERIES_ID,
  REGISTER_SERIES_ID,
} from '@drakkar/raftio';
import { RegisterMachine } from './testing/register-machine.js';
import { TestReplica, takeSnapshot } from './testing/replica.js';

const CONFIGURED: GroupSettings = { orderedConfigChange: false, lruMaxSessionCount: 4 };
const signal = new AbortController().signal;

function newReplica(settings: GroupSettings = CONFIGURED): TestReplica {
  const { orderedConfigChange, lruMaxSessionCount: maxSessionCount } = settings;
  return new TestReplica(new RegisterMachine(), { orderedConfigChange, maxSessionCount });
}

function raise(replica: TestReplica, settings: GroupSettings = CONFIGURED): void {
  replica.change({ type: ConfigChangeType.RaiseLevel, level: LATEST_LEVEL, settings });
}

function set(replica: TestReplica, settings: Partial<GroupSettings>): boolean | undefined {
  return replica.change({ type: ConfigChangeType.SetSettings, settings })?.rejected;
}

/** Registers these clients, one after the other. */
function register(replica: TestReplica, ...clientIDs: number[]): void {
  for (const clientID of clientIDs) replica.step({ clientID, seriesID: REGISTER_SERIES_ID });
}

/** Whether the group knows the client's session; asking uses it. */
function knows(replica: TestReplica, clientID: number): boolean {
  return replica.step({ clientID, seriesID: REGISTER_SERIES_ID })?.rejected === true;
}

describe('the settings of a replicated state machine', () => {
  it('are those of the replica at level 0, then those of the entry that raises the level', () => {
    const replica = newReplica();
    expect(replica.rsm.settings).toEqual(CONFIGURED);
    const groups = { orderedConfigChange: true, lruMaxSessionCount: 2 };
    raise(replica, groups);
    expect(replica.rsm.settings).toEqual(groups);
    expect(replica.rsm.initialSettings).toEqual(CONFIGURED);
  });

  it('evict the least recently used sessions, in that order, when the limit is lowered by the entry', () => {
    const replica = newReplica();
    raise(replica);
    register(replica, 11, 12, 13, 14);
    replica.step({ clientID: 11, seriesID: 1 }); // used last now
    expect(set(replica, { lruMaxSessionCount: 2 })).toBe(false);
    expect([14, 11].map((clientID) => knows(replica, clientID))).toEqual([true, true]);
    expect(knows(replica, 13)).toBe(false);
    expect(set(replica, { lruMaxSessionCount: 3 })).toBe(false);
    register(replica, 12);
    expect([11, 13, 12].map((clientID) => knows(replica, clientID))).toEqual([true, true, true]);
  });

  it('decide on membership changes from the entry on', () => {
    const replica = newReplica();
    raise(replica);
    replica.change({ nodeID: 1, address: 'a:1' });
    expect(replica.change({ nodeID: 2, address: 'a:2' })?.rejected).toBe(false);
    set(replica, { orderedConfigChange: true });
    expect(replica.change({ nodeID: 3, address: 'a:3' })?.rejected).toBe(true);
    const { configChangeID } = replica.rsm.getMembership();
    expect(replica.change({ nodeID: 3, address: 'a:3', configChangeID })?.rejected).toBe(false);
  });

  it('keep those that the entry does not have', () => {
    const replica = newReplica();
    raise(replica);
    set(replica, { orderedConfigChange: true });
    set(replica, { lruMaxSessionCount: 7 });
    expect(replica.rsm.settings).toEqual({ orderedConfigChange: true, lruMaxSessionCount: 7 });
  });

  it('are not changed by an entry at level 0, nor by a second raise', () => {
    const replica = newReplica();
    expect(set(replica, { lruMaxSessionCount: 2 })).toBe(true);
    expect(replica.listener.refusals).toEqual(['the group is at feature level 0']);
    expect(replica.rsm.settings).toEqual(CONFIGURED);
    raise(replica);
    raise(replica, { orderedConfigChange: true, lruMaxSessionCount: 1 });
    expect(replica.rsm.settings).toEqual(CONFIGURED);
    expect(replica.rsm.lastApplied).toBe(3);
  });

  it('are equal on replicas that were configured otherwise, once the level is raised', async () => {
    const replicas = [newReplica(), newReplica({ orderedConfigChange: true, lruMaxSessionCount: 1 })];
    for (const replica of replicas) {
      raise(replica);
      replica.change({ nodeID: 1, address: 'a:1' });
      replica.change({ nodeID: 2, address: 'a:2' });
      register(replica, 11, 12, 13);
      set(replica, { lruMaxSessionCount: 2 });
      replica.step({ clientID: 13, seriesID: 1 });
      replica.step({ clientID: 77, seriesID: NOOP_SERIES_ID });
    }
    const [one, other] = await Promise.all(replicas.map(({ rsm }) => rsm.statePoint(true)));
    expect(one).toEqual(other);
  });

  it('are part of what replicas compare from level 1 on, and not before', async () => {
    const ordered = { ...CONFIGURED, orderedConfigChange: true };
    const [one, other] = [newReplica(), newReplica(ordered)];
    for (const replica of [one, other]) replica.change({ nodeID: 1, address: 'a:1' });
    expect(one.rsm.getMembershipHash()).toBe(other.rsm.getMembershipHash());
    raise(one);
    raise(other);
    expect(one.rsm.getMembershipHash()).toBe(other.rsm.getMembershipHash());
    set(one, { orderedConfigChange: true });
    set(other, { orderedConfigChange: false });
    expect(one.rsm.getMembershipHash()).not.toBe(other.rsm.getMembershipHash());
    set(other, { orderedConfigChange: true, lruMaxSessionCount: 5 });
    expect(one.rsm.getMembershipHash()).not.toBe(other.rsm.getMembershipHash());
  });

  it('come with a snapshot of level 1, whatever the replica was configured with', async () => {
    const replica = newReplica();
    raise(replica);
    register(replica, 11, 12, 13);
    set(replica, { orderedConfigChange: true, lruMaxSessionCount: 2 });
    const other = newReplica({ orderedConfigChange: false, lruMaxSessionCount: 9 });
    await other.rsm.recover(await takeSnapshot(replica.rsm), signal);
    expect(other.rsm.settings).toEqual({ orderedConfigChange: true, lruMaxSessionCount: 2 });
    expect(other.rsm.initialSettings).toEqual(CONFIGURED);
    register(other, 14);
    expect(knows(other, 12)).toBe(false);
    expect(await other.rsm.getReplicaHash()).not.toEqual(await replica.rsm.getReplicaHash());
    register(replica, 14, 12);
    const hashes = await Promise.all([replica, other].map(({ rsm }) => rsm.getReplicaHash()));
    expect(hashes[0]).toEqual(hashes[1]);
  });

  it('may be replaced while the replica has applied nothing, and never later', () => {
    const replica = newReplica();
    const groups = { orderedConfigChange: true, lruMaxSessionCount: 1 };
    replica.rsm.setInitialSettings(groups);
    expect(replica.rsm.settings).toEqual(groups);
    replica.change({ nodeID: 1, address: 'a:1' });
    expect(() => {
      replica.rsm.setInitialSettings(CONFIGURED);
    }).toThrow(/entries up to 1 are applied by other settings/);
  });
});

import { describe, expect, it } from '@jest/globals';
import { ConfigChangeType, EntryType, LATEST_LEVEL } from '@drakkar/raftio';
import { decodeSessions, encodeSessions } from './session-codec.js';
import { SessionManager } from './session-manager.js';
import { RegisterMachine } from './testing/register-machine.js';
import { TestReplica, configChange, takeSnapshot } from './testing/replica.js';

const SETTINGS = { orderedConfigChange: false, lruMaxSessionCount: 4 };
const RAISE = { type: ConfigChangeType.RaiseLevel, settings: SETTINGS } as const;

function raised(level: number): Uint8Array {
  return encodeSessions(new SessionManager(4), { level, settings: SETTINGS, initialSettings: SETTINGS });
}

const signal = new AbortController().signal;

describe('the feature level of a replicated state machine', () => {
  it('is 0 at first, rises by an entry and never falls, and leaves the membership alone', () => {
    const replica = new TestReplica(new RegisterMachine());
    replica.change({ nodeID: 1, address: 'a:1' });
    const before = replica.rsm.getMembership();
    expect(replica.rsm.level).toBe(0);
    replica.change({ ...RAISE, level: LATEST_LEVEL });
    expect(replica.rsm.level).toBe(LATEST_LEVEL);
    replica.change({ ...RAISE, level: 0 });
    replica.change(RAISE);
    expect(replica.rsm.level).toBe(LATEST_LEVEL);
    expect(replica.rsm.getMembership()).toEqual(before);
    expect(replica.rsm.lastApplied).toBe(4);
  });

  it('stops the replica at a level that this release does not know, rather than passing it over', () => {
    const replica = new TestReplica(new RegisterMachine());
    expect(() => replica.change({ ...RAISE, level: LATEST_LEVEL + 1 })).toThrow(
      `raises the group to feature level ${LATEST_LEVEL + 1}, and this release knows levels up to ${LATEST_LEVEL}`,
    );
    const next = replica.next({ type: EntryType.ConfigChangeEntry, cmd: configChange(RAISE) });
    expect(() => replica.rsm.apply([next])).toThrow(/feature level/);
  });

  it('stops a replica whose group hosts of Dragonboat may be members of, by an entry and by a snapshot', async () => {
    const options = { membershipRules: 'dragonboat' } as const;
    const replica = new TestReplica(new RegisterMachine(), options);
    expect(() => replica.change({ ...RAISE, level: LATEST_LEVEL })).toThrow(
      /compatibility: 'dragonboat-2.1'/,
    );
    const ours = new TestReplica(new RegisterMachine());
    ours.change({ ...RAISE, level: LATEST_LEVEL });
    const other = new TestReplica(new RegisterMachine(), options);
    await expect(takeSnapshot(ours.rsm).then((taken) => other.rsm.recover(taken, signal))).rejects.toThrow(
      /compatibility: 'dragonboat-2.1'/,
    );
    expect(other.rsm.lastApplied).toBe(0);
  });

  it('is part of what replicas compare, and of a snapshot', async () => {
    const replica = new TestReplica(new RegisterMachine());
    const other = new TestReplica(new RegisterMachine());
    replica.change({ nodeID: 1, address: 'a:1' });
    const hash = await replica.rsm.getSessionHash();
    replica.change({ ...RAISE, level: LATEST_LEVEL });
    expect(await replica.rsm.getSessionHash()).not.toBe(hash);
    await other.rsm.recover(await takeSnapshot(replica.rsm), signal);
    expect(other.rsm.level).toBe(LATEST_LEVEL);
    expect(await other.rsm.getReplicaHash()).toEqual(await replica.rsm.getReplicaHash());
  });

  it('is refused from a snapshot when this release does not know it, before anything is changed', async () => {
    const replica = new TestReplica(new RegisterMachine());
    const other = new TestReplica(new RegisterMachine());
    replica.change({ nodeID: 1, address: 'a:1' });
    const sessions = raised(LATEST_LEVEL + 1);
    const snapshot = { ...(await takeSnapshot(replica.rsm)), sessions };
    await expect(other.rsm.recover(snapshot, signal)).rejects.toMatchObject({ code: 'ERR_RSM_INVARIANT' });
    expect(other.rsm.lastApplied).toBe(0);
  });

  it('is not written at 0, so that release 0.1 reads what a group at that level writes', () => {
    const plain = encodeSessions(new SessionManager(4));
    expect(Buffer.from(plain.subarray(0, 16)).toString('hex')).toBe('444b5353010000000400000000000000');
    expect(decodeSessions(plain, 4).agreed).toBeUndefined();
    expect(new DataView(raised(1).buffer).getUint32(4, true)).toBe(2);
    expect(decodeSessions(raised(1), 4).agreed).toEqual({
      level: 1,
      settings: SETTINGS,
      initialSettings: SETTINGS,
    });
  });
});

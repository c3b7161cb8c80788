import { describe, expect, it } from '@jest/globals';
import { MessageType } from '@drakkar/raftio';
import { command } from './testing/codec.js';
import { Solo } from './testing/solo.js';

describe('a leader that could sleep', () => {
  /** A leader with one entry more than is applied; everybody has it. */
  function busy(): Solo {
    const solo = new Solo({ quiesce: true });
    solo.lead();
    solo.raft.propose([command('a')]);
    const update = solo.raft.getUpdate();
    solo.raft.saved(update);
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    return solo;
  }

  function idle(solo: Solo): void {
    for (let i = 0; i < 150; i++) {
      solo.tick();
      for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp);
    }
  }

  it('stays awake while something is committed and not applied', () => {
    const solo = busy();
    const [entry] = solo.raft.getUpdate().entriesToApply;
    expect(entry?.index).toBe(2);
    idle(solo);
    expect(solo.raft.isQuiesced).toBe(false);
    solo.raft.applied(2);
    idle(solo);
    expect(solo.raft.isQuiesced).toBe(true);
  });
});

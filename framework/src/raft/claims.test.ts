import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type Entry,
  EntryType,
  MessageType,
  type Snapshot,
  makeEntry,
} from '@drakkar/raftio';
import { MAX_TERM_CREDIT } from './state.js';
import { MAX_TERM } from './term-bound.js';
import { configChange } from './testing/codec.js';
import { Solo, emptyInit, initWithTerms, membershipOf, ofType } from './testing/solo.js';

const MAX = Number.MAX_SAFE_INTEGER;

function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, i) => makeEntry({ term, index: first + i }));
}

function snapshotAt(index: number, term: number, voters = [1, 2, 3]): Snapshot {
  return { filepath: '', fileSize: 1, index, term, membership: membershipOf(voters), files: [] };
}

function leader(config: ConstructorParameters<typeof Solo>[0] = {}): Solo {
  const solo = new Solo(config);
  solo.lead();
  return solo;
}

/** A log of terms 1, 1, 2 of which two are committed. */
function follower(config: ConstructorParameters<typeof Solo>[0] = {}): Solo {
  return new Solo(config, initWithTerms(entries(1, 1, 1, 2), { term: 2, vote: 0, commit: 2 }));
}

describe('a leader', () => {
  for (const type of [MessageType.Heartbeat, MessageType.Replicate, MessageType.InstallSnapshot]) {
    it(`drops a message of type ${type} of its own term, from anybody`, () => {
      for (const from of [2, 99]) {
        const solo = leader({ checkQuorum: from === 99 ? false : true });
        const snapshot = snapshotAt(9, 1);
        expect(solo.step(from, type, { snapshot })).toBe('secondLeader');
        expect(solo.raft.isLeader).toBe(true);
      }
    });
  }

  it('drops an acknowledgement of what it has not sent', () => {
    const solo = leader();
    const { commit } = solo.raft.status();
    expect(solo.step(2, MessageType.ReplicateResp, { logIndex: 99 })).toBe('unsentAcknowledged');
    expect(solo.raft.status()).toMatchObject({ role: 'leader', commit });
  });

  it('is not unseated by a replica that no membership lists', () => {
    const solo = leader({ checkQuorum: true });
    const { term } = solo.raft;
    for (const type of Object.values(MessageType)) {
      solo.step(99, type, { term: term + 5, hint: 99, entries: [], snapshot: snapshotAt(9, term + 5) });
    }
    expect(solo.raft.status()).toMatchObject({ role: 'leader', term });
  });

  it('appends no forwarded membership change that does not decode', () => {
    const solo = leader();
    const garbage = makeEntry({ type: EntryType.ConfigChangeEntry, cmd: Uint8Array.of(255, 255, 255) });
    const { lastIndex } = solo.raft.status();
    expect(solo.step(2, MessageType.Propose, { term: 0, entries: [garbage] })).toBe('undecodableChange');
    expect(solo.raft.status().lastIndex).toBe(lastIndex);
  });
});

describe('a follower', () => {
  it('drops other entries in place of committed ones', () => {
    const solo = follower();
    const other = { logIndex: 0, entries: entries(1, 3), term: 3 };
    expect(solo.step(2, MessageType.Replicate, other)).toBe('contradictsCommitted');
    expect(solo.step(2, MessageType.Replicate, { term: 3, logIndex: 2, logTerm: 3 })).toBe(
      'contradictsCommitted',
    );
    expect(solo.raft.status()).toMatchObject({ lastIndex: 3, commit: 2 });
  });

  it.each<[string, { logTerm?: number; entries: Entry[] }]>([
    ['with a gap', { entries: [makeEntry({ term: 2, index: 4 }), makeEntry({ term: 2, index: 6 })] }],
    ['of a later term than the message', { entries: entries(4, 9) }],
    ['of falling terms', { entries: entries(4, 3, 2) }],
    ['after an entry of a later term', { logTerm: 4, entries: [] }],
    ['of an unknown type', { entries: [makeEntry({ term: 2, index: 4, type: 7 as EntryType })] }],
  ])('drops entries %s', (_, fields) => {
    const solo = follower();
    const replicate = { term: 3, logIndex: 3, logTerm: 2, ...fields };
    expect(solo.step(2, MessageType.Replicate, replicate)).toBe('malformedEntries');
    expect(solo.raft.status()).toMatchObject({ term: 2, lastIndex: 3 });
  });

  it('saves no membership change that does not decode', () => {
    const solo = follower();
    const garbage = makeEntry({
      type: EntryType.ConfigChangeEntry,
      cmd: Uint8Array.of(8),
      term: 2,
      index: 4,
    });
    const replicate = { term: 2, logIndex: 3, logTerm: 2, entries: [garbage] };
    expect(solo.step(2, MessageType.Replicate, replicate)).toBe('undecodableChange');
  });

  it('follows one leader in a term', () => {
    const solo = follower();
    expect(solo.step(2, MessageType.Heartbeat, { term: 3 })).toBeUndefined();
    expect(solo.step(3, MessageType.Heartbeat, { term: 3 })).toBe('secondLeader');
    expect(solo.raft.leaderID).toBe(2);
  });

  it('believes a listed leader rather than one that no membership lists', () => {
    const solo = follower();
    expect(solo.step(99, MessageType.Heartbeat, { term: 3 })).toBeUndefined();
    expect(solo.step(3, MessageType.Heartbeat, { term: 3 })).toBeUndefined();
    expect(solo.raft.leaderID).toBe(3);
    expect(solo.step(99, MessageType.Heartbeat, { term: 3 })).toBe('unlistedSender');
  });

  it('hears an unlisted leader when its own has fallen silent, and takes its snapshot', () => {
    const solo = follower();
    solo.step(2, MessageType.Heartbeat, { term: 3 });
    const snapshot = snapshotAt(20, 7, [4, 5, 1]);
    for (const nodeID of [2, 3]) snapshot.membership.removed.set(nodeID, true);
    expect(solo.step(4, MessageType.Heartbeat, { term: 8 })).toBe('unlistedSender');
    solo.tick(20);
    expect(solo.step(4, MessageType.InstallSnapshot, { term: 0, snapshot })).toBeUndefined();
    expect(solo.step(4, MessageType.Heartbeat, { term: 8 })).toBeUndefined();
    solo.drain();
    expect(solo.raft.status()).toMatchObject({ leaderID: 4, term: 8, commit: 20 });
    expect(solo.step(2, MessageType.Heartbeat, { term: 9 })).toBeUndefined();
    expect(solo.raft.status()).toMatchObject({ leaderID: 4, term: 8 });
  });

  it('hears a member whose addition is in its log and not applied yet', () => {
    const added = configChange({ type: ConfigChangeType.AddNode, nodeID: 4 });
    added.place(1, 1);
    const solo = new Solo({}, initWithTerms([added], { term: 1, vote: 0, commit: 0 }));
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    expect(solo.step(4, MessageType.Heartbeat, { term: 2 })).toBeUndefined();
    expect(solo.raft.leaderID).toBe(4);
  });

  describe('on whose lost entries a leader counts', () => {
    const claim = { term: 1, commit: 3 };
    /** Found out: the claim is repeated in a later tick. */
    const foundOut = (): Solo => {
      const solo = new Solo();
      for (let i = 0; i < 2; i++, solo.tick()) {
        expect(solo.step(2, MessageType.Heartbeat, claim)).toBe('lostEntries');
      }
      return solo;
    };
    const votes = (
      solo: Solo,
      fields: { term: number; logIndex: number; logTerm: number },
      candidate = 3,
    ): boolean => {
      solo.step(candidate, MessageType.RequestVote, fields);
      const [answer] = ofType(solo.drain().messages, MessageType.RequestVoteResp);
      return answer?.reject === false;
    };
    const STALE = { logIndex: 2, logTerm: 1 };

    it('never votes for a candidate that may lack them, and never campaigns', () => {
      const solo = foundOut();
      solo.tick(1000);
      expect(solo.raft).toMatchObject({ term: 1, lost: { index: 3, term: 1, leaderID: 2 } });
      expect(votes(solo, { term: 2, ...STALE })).toBe(false);
      expect(votes(solo, { term: 3, logIndex: 3, logTerm: 0 })).toBe(false);
    });

    it('votes for nobody who has them but the leader that counts on them: it may have acknowledged more', () => {
      const ALL = { term: 2, logIndex: 3, logTerm: 1 };
      expect(votes(foundOut(), ALL)).toBe(false);
      expect(votes(foundOut(), ALL, 2)).toBe(true);
    });

    describe('and which was recorded before a restart', () => {
      const restarted = (state = { term: 1, vote: 0, commit: 2 }): Solo =>
        new Solo({}, { ...initWithTerms(entries(1, 1, 1), state), lost: { index: 3, term: 1, leaderID: 2 } });

      it('neither votes nor campaigns while it hears no leader', () => {
        const solo = restarted();
        solo.tick(1000);
        expect(solo.raft).toMatchObject({ term: 1, lost: { index: 3, term: 1, leaderID: 2 } });
        expect(votes(solo, { term: 2, logIndex: 2, logTerm: 1 })).toBe(false);
        expect(votes(solo, { term: 3, logIndex: 4, logTerm: 1 })).toBe(false);
      });

      it('trusts its memory when it was fed by a later leader before the restart', () => {
        const solo = new Solo(
          {},
          {
            ...initWithTerms(entries(1, 1, 1, 2), { term: 2, vote: 0, commit: 3 }),
            lost: { index: 3, term: 1, leaderID: 2 },
          },
        );
        expect(solo.raft.lost).toBeUndefined();
        expect(votes(solo, { term: 3, logIndex: 3, logTerm: 2 })).toBe(true);
      });
    });

    it('stays found out when a later leader claims less, once', () => {
      const solo = foundOut();
      expect(solo.step(3, MessageType.Heartbeat, { term: 2, commit: 2 })).toBe('lostEntries');
      solo.tick(1000);
      expect(solo.raft.lost).toMatchObject({ index: 3, term: 2, leaderID: 3 });
    });

    it('votes for anybody when it has got them from a later leader, and not before', () => {
      const solo = foundOut();
      expect(solo.step(3, MessageType.Heartbeat, { term: 2 })).toBeUndefined();
      expect(solo.raft.lost).toMatchObject({ index: 3 });
      solo.step(3, MessageType.Replicate, { term: 2, entries: entries(1, 1, 1, 1) });
      expect(solo.raft.lost).toBeUndefined();
    });

    it.each<[string, (solo: Solo) => unknown]>([
      ['the same leader', (solo) => solo.step(2, MessageType.Heartbeat, { term: 1, commit: 0 })],
      [
        'a later leader that has committed an entry of its term',
        (solo) => solo.step(3, MessageType.Replicate, { term: 2, entries: entries(1, 2), commit: 2 }),
      ],
    ])('trusts its memory again when %s contradicts that', (_what, contradict) => {
      const solo = foundOut();
      contradict(solo);
      expect(solo.raft.lost).toBeUndefined();
      expect(votes(solo, { term: 5, logIndex: 2, logTerm: 2 })).toBe(true);
    });

    it('trusts its memory again when the leader of the claim campaigns with a shorter log', () => {
      const solo = foundOut();
      expect(votes(solo, { term: 2, ...STALE })).toBe(false);
      expect(solo.raft.lost).toMatchObject({ index: 3, leaderID: 2 });
      expect(votes(solo, { term: 5, ...STALE }, 2)).toBe(true);
      expect(solo.raft.lost).toBeUndefined();
    });

    it('believes the claim still when a request of the time before that leader was elected is late', () => {
      const solo = foundOut();
      solo.step(2, MessageType.RequestPreVote, { term: 1, ...STALE });
      solo.step(2, MessageType.RequestVote, { term: 1, ...STALE });
      expect(solo.raft.lost).toMatchObject({ index: 3, term: 1, leaderID: 2 });
    });

    it('trusts its memory again after ten election timeouts when that is said once', () => {
      const solo = new Solo();
      solo.step(2, MessageType.Heartbeat, claim);
      expect(votes(solo, { term: 2, ...STALE })).toBe(false);
      solo.tick(100);
      expect(votes(solo, { term: 9, ...STALE })).toBe(true);
    });

    it('does not believe it of anybody when it is the only voting member', () => {
      const solo = new Solo({}, emptyInit([1]));
      for (let i = 0; i < 3; i++, solo.tick()) solo.step(900, MessageType.Heartbeat, claim);
      solo.tick(100);
      solo.drain();
      expect(solo.raft).toMatchObject({ isLeader: true, lost: undefined });
    });

    it('does not believe it of another one than its leader', () => {
      const solo = follower();
      solo.step(2, MessageType.Heartbeat, { term: 3 });
      for (let i = 0; i < 3; i++, solo.tick()) {
        expect(solo.step(3, MessageType.Heartbeat, { term: 4, commit: 9 })).toBe('lostEntries');
      }
      expect(solo.raft.lost).toBeUndefined();
    });
  });

  it('takes no vote and no commit index from a replica that was not asked', () => {
    const solo = follower();
    const { term } = solo.raft;
    while (solo.raft.term === term) solo.tick();
    solo.drain();
    const answer = { commit: 3, logTerm: 2 };
    expect(solo.step(99, MessageType.RequestVoteResp, answer)).toBe('unlistedSender');
    expect(solo.raft.status()).toMatchObject({ role: 'candidate', commit: 2 });
  });

  it('takes no read index from anybody but its leader', () => {
    const solo = follower();
    solo.step(2, MessageType.Heartbeat, { term: 3 });
    solo.raft.readIndex({ low: 5, high: 6 });
    const answer = { term: 3, hint: 5, hintHigh: 6, logIndex: 0 };
    expect(solo.step(3, MessageType.ReadIndexResp, answer)).toBe('unaskedAnswer');
    expect(solo.drain().updates.flatMap(({ readyReads }) => readyReads)).toEqual([]);
  });
});

describe('a snapshot', () => {
  const install = (solo: Solo, from: number, snapshot: Snapshot) =>
    solo.step(from, MessageType.InstallSnapshot, { term: 0, snapshot });

  it('is refused from a sender that neither it nor this replica lists', () => {
    expect(install(follower(), 99, snapshotAt(9, 5))).toBe('unfitSnapshot');
  });

  it('is refused when a known member is neither a member nor removed in it', () => {
    expect(install(follower(), 2, snapshotAt(9, 5, [1, 2, 7]))).toBe('unfitSnapshot');
  });

  it('is refused when it forgets a removal, is of an older membership, or has no voting member', () => {
    const init = emptyInit();
    init.membership.removed.set(9, true);
    init.membership.configChangeID = 4;
    const known = { ...membershipOf([1, 2, 3]), configChangeID: 4, removed: new Map([[9, true]]) };
    const refused = [
      { ...known, removed: new Map<number, boolean>() },
      { ...known, configChangeID: 3 },
      {
        ...known,
        addresses: new Map<number, string>(),
        removed: new Map([1, 2, 3, 9].map((id) => [id, true])),
      },
    ];
    for (const membership of refused) {
      expect(install(new Solo({}, init), 2, { ...snapshotAt(9, 5), membership })).toBe('unfitSnapshot');
    }
    expect(install(new Solo({}, init), 2, { ...snapshotAt(9, 5), membership: known })).toBeUndefined();
  });

  it('is refused with an index out of range by a leader whose term it ends, too', () => {
    const fields = { snapshot: snapshotAt(MAX, 1) };
    const solo = leader();
    const { term } = solo.raft;
    expect(solo.step(2, MessageType.InstallSnapshot, { ...fields, term: term + 1 })).toBe('unfitSnapshot');
    expect(solo.raft.status()).toMatchObject({ role: 'leader', term });
  });

  it('is refused with an index or a term out of range, or of an earlier term than what is committed', () => {
    expect(install(follower(), 2, snapshotAt(MAX, 5))).toBe('unfitSnapshot');
    expect(install(follower(), 2, snapshotAt(9, 0))).toBe('unfitSnapshot');
    expect(install(follower(), 2, snapshotAt(9, MAX))).toBe('termOutOfReach');
    const late = new Solo({}, initWithTerms(entries(1, 1, 2), { term: 2, vote: 0, commit: 2 }));
    expect(install(late, 2, snapshotAt(9, 1))).toBe('unfitSnapshot');
  });
});

describe('how far a term may jump', () => {
  it.each([MessageType.NoOP, MessageType.RequestVote, MessageType.Heartbeat, MessageType.RequestPreVote])(
    'drops a message of type %s of the largest term, from a member too',
    (type) => {
      const solo = follower();
      for (const term of [MAX, 2 ** 52, MAX_TERM_CREDIT + 3]) {
        expect(solo.step(2, type, { term })).toBe('termOutOfReach');
      }
      expect(solo.raft.term).toBe(2);
    },
  );

  it('takes over the term of a group that it was long away from', () => {
    const solo = follower();
    expect(solo.step(2, MessageType.Heartbeat, { term: 1_000_000_000 })).toBeUndefined();
    expect(solo.raft.term).toBe(1_000_000_000);
  });

  it('is not taken to the end of all terms by many messages', () => {
    const solo = follower();
    for (let i = 0; i < 10_000; i++) {
      solo.step(2, MessageType.NoOP, { term: solo.raft.term + MAX_TERM_CREDIT });
      solo.step(2, MessageType.NoOP, { term: solo.raft.term + 500 });
    }
    expect(solo.raft.term).toBeLessThanOrEqual(2 + MAX_TERM_CREDIT);
  });

  it('approaches a listed member that goes on claiming a term a little out of reach', () => {
    const solo = follower();
    const term = 2 + MAX_TERM_CREDIT + 40;
    for (let i = 0; i < 40; i++) {
      solo.step(3, MessageType.RequestVote, { term, logIndex: 9, logTerm: 2 });
      solo.tick();
    }
    expect(solo.raft.term).toBeGreaterThanOrEqual(term);
    expect(solo.raft.term).toBeLessThan(term + 40);
  });

  it('stands for election in no term after the last', () => {
    const solo = new Solo({}, { ...emptyInit(), state: { term: MAX_TERM, vote: 0, commit: 0 } });
    solo.tick(100);
    expect(solo.raft.status()).toMatchObject({ term: MAX_TERM, role: 'follower' });
  });
});

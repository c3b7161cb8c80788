import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Entry, EntryType, makeEntry } from '@drakkar/raftio';
import { refusalFields } from '../raft/change-guard.js';
import type { RaftUpdate } from '../raft/index.js';
import { PendingConfigChange } from '../requests/pending-config-change.js';
import { PendingProposals } from '../requests/pending-proposals.js';
import { PendingReads } from '../requests/pending-reads.js';
import type { RequestState } from '../requests/request-state.js';
import { Answers, hasAnswers } from './answers.js';

const NOTHING: Pick<
  RaftUpdate,
  | 'readyReads'
  | 'droppedReads'
  | 'droppedProposals'
  | 'proposalsWithoutRoom'
  | 'rejectedConfigChanges'
  | 'refusedConfigChanges'
> = {
  readyReads: [],
  droppedReads: [],
  droppedProposals: [],
  proposalsWithoutRoom: [],
  rejectedConfigChanges: [],
  refusedConfigChanges: [],
};
const APPLIED = 5;

describe('Answers', () => {
  let requests: { proposals: PendingProposals; reads: PendingReads; configChange: PendingConfigChange };
  let proposal: RequestState;
  let change: RequestState;
  let read: RequestState;
  let context: { low: number; high: number };
  let proposed: Entry;
  let changing: Entry;
  beforeEach(() => {
    // The same nonce: a proposal and a membership change have the same key.
    requests = {
      proposals: new PendingProposals(1, 7),
      reads: new PendingReads(1, 7),
      configChange: new PendingConfigChange(1, 7),
    };
    proposal = requests.proposals.add({ operation: 'proposal', clientID: 3, seriesID: 2, deadlineMs: 1 });
    change = requests.configChange.add(1);
    read = requests.reads.add(1);
    context = requests.reads.takeContext() as typeof context;
    proposed = makeEntry({ key: proposal.key, clientID: 3, seriesID: 2 });
    changing = makeEntry({ type: EntryType.ConfigChangeEntry, key: change.key });
    expect(changing.key).toBe(proposed.key);
  });

  const give = (update: Partial<RaftUpdate>): (string | undefined)[] => {
    const whole = { ...NOTHING, ...update } as RaftUpdate;
    expect([hasAnswers(NOTHING as RaftUpdate), hasAnswers(whole)]).toEqual([false, true]);
    new Answers(requests).give(whole, APPLIED);
    return [proposal.outcome, change.outcome, read.outcome];
  };

  it('ends a proposal that no log has', () => {
    expect(give({ droppedProposals: [proposed] })).toEqual(['dropped', undefined, undefined]);
  });

  it('says of a proposal that the leader has no room for it', async () => {
    expect(give({ proposalsWithoutRoom: [proposed] })).toEqual(['dropped', undefined, undefined]);
    expect((await proposal.result).reason).toContain('is full');
  });

  it.each<[string, (entry: Entry) => Partial<RaftUpdate>, string, string]>([
    ['no leader takes', (entry) => ({ droppedProposals: [entry] }), 'dropped', 'no leader'],
    [
      'has no room',
      (entry) => ({ proposalsWithoutRoom: [entry] }),
      'dropped',
      'the log of the leader is full',
    ],
    ['has another before it', (entry) => ({ rejectedConfigChanges: [entry] }), 'dropped', 'is under way'],
    [
      'the leader refuses',
      (entry) => ({
        refusedConfigChanges: [{ entry, refusal: { kind: 'quorumAtRisk', value: 1, limit: 2 } }],
      }),
      'rejected',
      'the leader refused it',
    ],
  ])(
    'ends a membership change that %s, and no proposal of its key',
    async (_what, update, outcome, reason) => {
      expect(give(update(changing))).toEqual([undefined, outcome, undefined]);
      expect((await change.result).reason).toContain(reason);
    },
  );

  it('ends a membership change whose place in the log a refusal has, with the reason if there is one', async () => {
    const answers = new Answers(requests);
    const risk = { kind: 'quorumAtRisk', value: 1, limit: 2 } as const;
    answers.refused(makeEntry({ ...changing, ...refusalFields(risk) }));
    expect(await change.result).toMatchObject({ outcome: 'rejected', refusal: risk });
    const next = requests.configChange.add(1);
    answers.refused(makeEntry({ key: next.key }));
    expect(await next.result).toMatchObject({ outcome: 'dropped' });
  });

  it('serves a read as soon as its index is applied, and ends one that can not be confirmed', () => {
    expect(give({ readyReads: [{ context, index: APPLIED + 1 }] as never })).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    requests.reads.applied(APPLIED + 1);
    expect(read.outcome).toBe('completed');
    const later = requests.reads.add(1);
    const asked = requests.reads.takeContext() as typeof context;
    expect(give({ droppedReads: [asked] as never })).toEqual([undefined, undefined, 'completed']);
    expect(later.outcome).toBe('dropped');
    const now = requests.reads.add(1);
    give({ readyReads: [{ context: requests.reads.takeContext(), index: APPLIED }] as never });
    expect(now.outcome).toBe('completed');
  });
});

import { AppliedWhenDurable } from './applied-when-durable.js';
import { AtMostOnce } from './at-most-once.js';
import { Bounded } from './bounded.js';
import { CommitRule } from './commit-rule.js';
import { CommittedNeverChanges } from './committed-never-changes.js';
import { DurablePromises } from './durable-promises.js';
import { ElectionSafety } from './election-safety.js';
import { EqualHashes } from './equal-hashes.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { LogMatching } from './log-matching.js';
import { MembershipOverlap } from './membership-overlap.js';
import { NoEarlyAcknowledgement } from './no-early-acknowledgement.js';
import type { Invariant } from './observation.js';
import { ObserversNeverCounted } from './observers-never-counted.js';
import { OneChangeAtATime } from './one-change-at-a-time.js';
import { ReadsNeverGoBack } from './reads-never-go-back.js';
import type { Shadows } from './shadows.js';
import { StateMachineSafety } from './state-machine-safety.js';

/** Every invariant, new. */
export function allInvariants(shadows: Shadows): Invariant[] {
  return [
    new ElectionSafety(),
    new LogMatching(shadows),
    new LeaderCompleteness(shadows),
    new StateMachineSafety(),
    new CommittedNeverChanges(),
    new AtMostOnce(),
    new DurablePromises(shadows),
    new OneChangeAtATime(shadows),
    new MembershipOverlap(shadows),
    new ObserversNeverCounted(shadows),
    new CommitRule(shadows),
    new NoEarlyAcknowledgement(shadows),
    new AppliedWhenDurable(shadows),
    new ReadsNeverGoBack(),
    new EqualHashes(),
    new Bounded(),
  ];
}

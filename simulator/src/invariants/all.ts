import { AcknowledgedEntries } from './acknowledged-entries.js';
import { AppliedWhenDurable } from './applied-when-durable.js';
import { MembersAsTheModel, SessionsAsTheModel } from './as-the-model.js';
import { AtMostOnce } from './at-most-once.js';
import { Bounded } from './bounded.js';
import { Campaigns } from './campaigns.js';
import { CheckQuorum } from './check-quorum.js';
import { Claims } from './claims.js';
import { CommitRule } from './commit-rule.js';
import { CommittedNeverChanges } from './committed-never-changes.js';
import { DurablePromises } from './durable-promises.js';
import { ElectionSafety } from './election-safety.js';
import { EqualHashes } from './equal-hashes.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { Lease } from './lease.js';
import { LogMatching } from './log-matching.js';
import { MembershipOverlap } from './membership-overlap.js';
import type { GroupRules } from './model-group.js';
import { NoEarlyAcknowledgement } from './no-early-acknowledgement.js';
import type { Invariant } from './observation.js';
import { ObserversNeverCounted } from './observers-never-counted.js';
import { OneChangeAtATime } from './one-change-at-a-time.js';
import { ReadsNeverGoBack } from './reads-never-go-back.js';
import { RemovedNotHeard } from './removed-not-heard.js';
import type { Shadows } from './shadows.js';
import { Sleep } from './sleep.js';
import { StateMachineSafety } from './state-machine-safety.js';
import { Transfers } from './transfers.js';

/**
 * Every invariant, new.
 *
 * @param rulesOf how a group is set up; `undefined`: its log is not compared with a model
 */
export function allInvariants(
  shadows: Shadows,
  rulesOf: (clusterID: number) => GroupRules | undefined,
): Invariant[] {
  return [
    new ElectionSafety(),
    new LogMatching(shadows),
    new LeaderCompleteness(shadows),
    new StateMachineSafety(),
    new CommittedNeverChanges(),
    new AtMostOnce(),
    new Claims(),
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
    new CheckQuorum(),
    new Lease(),
    new RemovedNotHeard(),
    new Campaigns(shadows),
    new Sleep(),
    new Transfers(shadows),
    new AcknowledgedEntries(shadows),
    new SessionsAsTheModel(rulesOf),
    new MembersAsTheModel(rulesOf),
  ];
}

import type { Bootstrap, ILogDB, Message } from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import type { DrakkarError } from '@drakkar/raftio';
import type { IEventSink } from '../events/event-hub.js';
import type { ILogger } from '../logging/logger.js';
import type { RaftUpdate } from '../raft/index.js';
import type { ApplySettings } from './apply-settings.js';
import { type GroupDifference, GroupGuard } from './group-guard.js';

/** Whether a replica agrees with the others of its group on what must be equal on all of them. */
export interface ReplicaAgreement {
  /** Why the replica takes no writes and serves no linearizable reads; undefined: it does. */
  refusal: DrakkarError | undefined;
  /** Others that are of another group, or apply entries in another way. */
  differences: GroupDifference[];
  /** Messages and snapshots that were dropped for that since the replica was started. */
  droppedCount: number;
}

export interface ReplicaChecksOptions {
  replica: Replica;
  bootstrap: Bootstrap;
  settings: ApplySettings;
  electionTimeoutTicks: number;
}

export interface ReplicaChecksDependencies {
  logDB: ILogDB;
  events: IEventSink;
  logger: ILogger;
}

/** What one replica compares with the other members of its group, and what it tells the host of the outcome. */
export class ReplicaChecks {
  readonly guard: GroupGuard;

  constructor(options: ReplicaChecksOptions, { logDB, events, logger }: ReplicaChecksDependencies) {
    const { replica, bootstrap, settings, electionTimeoutTicks } = options;
    const { clusterID, nodeID } = replica;
    const who = { clusterID, nodeID };
    this.guard = new GroupGuard(
      {
        ...who,
        groupID: bootstrap.groupID ?? 0,
        self: { initialMembers: bootstrap.join ? undefined : bootstrap.addresses, settings },
        electionTimeoutTicks,
      },
      {
        get nowTick() {
          return replica.nowTick;
        },
        get hasLeader() {
          return replica.leader.leaderID !== 0;
        },
        membership: () => replica.rsm.getMembership(),
        send: (message) => replica.sendOwn(message),
        record: (groupID) => logDB.saveBootstrapInfo(clusterID, nodeID, { ...bootstrap, groupID }),
        differs: (difference) => {
          logger.warn('another replica differs in what must be equal on all members of a group', {
            ...who,
            ...difference,
          });
          events.emit('groupMismatch', { ...who, difference });
        },
        refusalChanged: (refusal) => {
          if (refusal === undefined) {
            logger.info('the replica agrees with the other members again', who);
            return;
          }
          logger.error('the replica takes no writes and serves no linearizable reads', {
            ...who,
            err: refusal,
          });
          events.emit('replicaRefused', { ...who, error: refusal });
        },
        recordFailed: (err) =>
          logger.error('the identity of the group could not be recorded', { ...who, err }),
      },
    );
  }

  /** Why the replica takes no writes and serves no linearizable reads; undefined: it does. */
  get refusal(): DrakkarError | undefined {
    return this.guard.refusal;
  }

  /** Whether a message is for the core. @param source raft address of the host that sent it */
  admits(message: Message, source: string): boolean {
    return this.guard.admits(message, source);
  }

  stamp(message: Message): void {
    this.guard.stamp(message);
  }

  stampAll({ messages, messagesAfterSave }: RaftUpdate): void {
    for (const message of messages) this.guard.stamp(message);
    for (const message of messagesAfterSave) this.guard.stamp(message);
  }

  /** Called with each tick. */
  tick(): void {
    this.guard.tick();
  }

  agreement(): ReplicaAgreement {
    const { guard, refusal } = this;
    return { refusal, differences: guard.differences(), droppedCount: guard.droppedCount };
  }
}

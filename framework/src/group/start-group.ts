import type { ClusterConfigInput } from '../config/cluster-config.js';
import { ErrInvalidOption } from '../errors/index.js';
import type { HostParts } from '../nodehost/assembly.js';
import { replicaInfo } from '../nodehost/host-info.js';
import { idFault } from '../nodehost/ids.js';
import type { InitialMembers } from '../nodehost/members.js';
import type { ReplacingHost } from '../nodehost/replace-node.js';
import type { CreateStateMachine } from '../statemachine/contract.js';
import { TypedGroup } from '../typed/client.js';
import type { TypedReplica } from '../typed/typed-replica.js';
import { type AnyTypedStateMachine, isTypedStateMachine } from '../typed/typed-state-machine.js';
import { Group } from './group.js';
import type { GroupParts } from './parts.js';

/** What stands for a group's state machine. */
export type GroupStateMachine = CreateStateMachine | AnyTypedStateMachine;

/** What `NodeHost.startGroup` takes: the keys of docs/configuration.md, and how the replica comes to be. */
export interface StartGroupOptions<Machine = GroupStateMachine> extends Partial<
  Omit<ClusterConfigInput, 'clusterID' | 'nodeID'>
> {
  groupID: number;
  /** Unique in the group, and never used again in it. */
  replicaID: number;
  /**
   * All members of a new group, replica id → `raftAddress`, the same on each of them. On a restart the same, or none; none
   * with `join`.
   */
  members?: InitialMembers;
  /** True for a replica that was added to a running group. Default: false. */
  join?: boolean;
  /** Makes the state machine of the replica, empty; or what `defineStateMachine` returned. */
  stateMachine: Machine;
}

/** The arguments of `NodeHost.startCluster`, and the handle of the group that it has started. */
export interface StartArguments {
  members: InitialMembers;
  join: boolean;
  create: CreateStateMachine;
  config: ClusterConfigInput;
  readonly handle: (parts: GroupParts) => Group;
}

const OLD_NAMES: Readonly<Record<string, string>> = {
  clusterID: 'groupID',
  nodeID: 'replicaID',
  initialMembers: 'members',
  createStateMachine: 'stateMachine',
};

/** @throws ErrInvalidOption */
export function startArguments(options: StartGroupOptions): StartArguments {
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new ErrInvalidOption('startGroup takes an object: { groupID, replicaID, members, stateMachine }');
  const { groupID, replicaID, members, join = false, stateMachine, ...config } = options;
  for (const [old, name] of Object.entries(OLD_NAMES))
    if (old in options) throw new ErrInvalidOption(`startGroup calls ${old} ${name}`);
  const fault = idFault('groupID', groupID) ?? idFault('replicaID', replicaID);
  if (fault !== undefined) throw fault;
  if (typeof join !== 'boolean')
    throw new ErrInvalidOption(`join must be true or false, found ${String(join)}`);
  return {
    members: members ?? new Map<number, string>(),
    join,
    ...machineParts(stateMachine),
    config: { ...config, clusterID: groupID, nodeID: replicaID },
  };
}

/** The factory of the state machine, and the handle that goes with it. */
function machineParts(stateMachine: GroupStateMachine): Pick<StartArguments, 'create' | 'handle'> {
  if (!isTypedStateMachine(stateMachine)) {
    checkFactory(stateMachine);
    return { create: stateMachine, handle: (parts) => new Group(parts) };
  }
  let replica: TypedReplica | undefined;
  return {
    create: () => (replica = stateMachine.createReplica()),
    handle: (parts) => {
      if (replica === undefined) throw new Error('a group was started without a state machine');
      return new TypedGroup(parts, stateMachine.definition, replica);
    },
  };
}

function checkFactory(stateMachine: unknown): void {
  if (typeof stateMachine !== 'function') {
    throw new ErrInvalidOption(
      `stateMachine must be a function that returns a state machine, found ${typeof stateMachine}`,
    );
  }
  if (!/^class\b/.test(Function.prototype.toString.call(stateMachine))) return;
  const { name } = stateMachine;
  throw new ErrInvalidOption(
    `stateMachine is the class ${name}: pass a function that makes one, () => new ${name}()`,
  );
}

/** What the handle of a group that was just started is made of. */
export function groupParts(parts: HostParts, host: ReplacingHost, groupID: number): GroupParts {
  const { replicas, events, services, config } = parts;
  const user = replicas.user(groupID);
  const { nodeID } = user;
  return {
    user,
    host,
    events,
    clock: services.clock,
    random: services.random,
    tickMs: config.rttMillisecond,
    info: () => {
      const member = replicas.list().get(groupID);
      if (member === undefined || member.phase === 'starting') return undefined;
      const isOurs = 'user' in member ? member.user === user : member.nodeID === nodeID;
      return isOurs ? replicaInfo(groupID, member) : undefined;
    },
    stop: () => replicas.stop(groupID, nodeID),
  };
}

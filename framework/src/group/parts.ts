import type { HostEvents } from '../events/host-listener.js';
import type { ReplicaInfo } from '../nodehost/host-info.js';
import type { NodeUser } from '../nodehost/node-user.js';
import type { ReplacingHost } from '../nodehost/replace-node.js';
import type { IEventSource } from '../runtime/event-sink.js';
import type { RetryContext } from './retry.js';

/** What the handle of a group is made of. */
export interface GroupParts extends RetryContext {
  readonly user: NodeUser;
  readonly host: ReplacingHost;
  readonly events: IEventSource<HostEvents>;
  /** The replica that the handle is of; undefined when another one, or none, is in its place. */
  info(): ReplicaInfo | undefined;
  /** Stops the replica that the handle is of. */
  stop(): Promise<void>;
}

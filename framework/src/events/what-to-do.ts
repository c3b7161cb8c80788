import type { HostEvents } from './host-listener.js';

/** What an operator does when an event is emitted; undefined: nothing, it is part of ordinary work. */
export const WHAT_TO_DO: Readonly<Record<keyof HostEvents, string | undefined>> = {
  leaderUpdated: undefined,
  leaderSteppedDown:
    'Check the disk (`diskStalled`), the state machine, or the network, as `reason` says. Another host leads meanwhile.',
  stateMachineStalled: 'Find out what `update` waits for. The group continues without this member.',
  nodeReady: undefined,
  nodeUnloaded: 'After `failed`: see the preceding `replicaFailed`.',
  membershipChanged: undefined,
  levelRaised: 'Do not start an older release on this host.',
  groupSettingsChanged: undefined,
  configurationOverruled:
    'Change the configuration of the host to the settings of the group, or [change the group](membership.md#settings-in-the-log).',
  memberOutdated: 'Start this release on the host of that member.',
  sendSnapshotStarted: undefined,
  sendSnapshotCompleted: undefined,
  sendSnapshotAborted: 'If it repeats, check `error` and the other host.',
  snapshotReceived: undefined,
  snapshotRecovered: undefined,
  snapshotCreated: undefined,
  snapshotNoSpace: 'Make room on the disk: see [Disks that fill](operations.md#disks-that-fill).',
  logNoSpace: 'Make room on the disk: see [Disks that fill](operations.md#disks-that-fill).',
  logSpaceRegained: undefined,
  snapshotCompacted: undefined,
  logCompacted: undefined,
  logDBCompacted: undefined,
  replicaFailed:
    'See the `code` of `error` in [errors.md](errors.md). Restart the replica once the cause is fixed; if its data is damaged, remove the node and add a new one.',
  snapshotDamaged: 'Check the disk and the memory of the machine.',
  groupMismatch:
    'Compare the two hosts: [What must be equal on all members](membership.md#what-must-be-equal-on-all-members).',
  replicaRefused:
    'Make the replica equal to most members, or replace it: [When replicas differ](operations.md#when-replicas-differ).',
  stateDiverged:
    'Replace the members in `wrong`; if there are none, stop writing: [When replicas differ](operations.md#when-replicas-differ).',
  storageProblem: 'Do what `advice` says: [Disks that fail](operations.md#disks-that-fail).',
  connectionEstablished: undefined,
  connectionFailed: 'Check `error`, and that the other host runs. The host retries.',
  messageDamaged: 'Check the network; for an `entry`, the memory and the disk of the sender.',
  slowOperation: 'If it lasts, check the disk or the state machine, as `operation` says.',
  logDBFailed:
    'Do what `advice` says: [After a failed write or sync](operations.md#after-a-failed-write-or-sync).',
  clockJumped: 'Check the time server of the machine, and certificates.',
  plaintext: 'Set `mutualTls`, or `allowPlaintext`: [security.md](security.md#recommended).',
  filesExposed: 'Remove the access of others, by `chmod`: [Who may read it](operations.md#who-may-read-it).',
  networkFileSystem:
    'Use a local disk, or set `allowNetworkFileSystem`: [Which disk](operations.md#which-disk).',
  certificateExpires: 'Replace the file, without a restart: [certs](operations.md#certs).',
  nodeHostShuttingDown: undefined,
};

import type { HostEvents } from './host-listener.js';

/** What an operator does when an event is emitted; undefined: nothing, it is news of ordinary work. */
export const WHAT_TO_DO: Readonly<Record<keyof HostEvents, string | undefined>> = {
  leaderUpdated: undefined,
  leaderSteppedDown:
    'Look after the disk (`diskStalled`), the state machine, or the network, as `reason` says. Another host leads meanwhile.',
  stateMachineStalled: 'Find out what `update` waits for. The group goes on without this member.',
  nodeReady: undefined,
  nodeUnloaded: 'After `failed`: see `replicaFailed`, which came before.',
  membershipChanged: undefined,
  levelRaised: 'Start no release before this one on the host any more.',
  groupSettingsChanged: undefined,
  configurationOverruled:
    'Change the configuration of the host to what the group has, or [change the group](membership.md#settings-in-the-log).',
  memberOutdated: 'Start this release on the host of that member.',
  sendSnapshotStarted: undefined,
  sendSnapshotCompleted: undefined,
  sendSnapshotAborted: 'When it comes again and again: look at `error`, and at the other host.',
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
    'See the `code` of `error` in [errors.md](errors.md). Start the replica again when the cause is gone; when its data is damaged, remove the node and add a new one.',
  snapshotDamaged: 'Look after the disk, and after the memory of the machine.',
  groupMismatch:
    'Compare the two hosts: [What must be equal on all members](membership.md#what-must-be-equal-on-all-members).',
  replicaRefused:
    'Make the replica as most members are, or replace it: [When replicas differ](operations.md#when-replicas-differ).',
  stateDiverged:
    'Replace the members in `wrong`; if there are none, stop writing: [When replicas differ](operations.md#when-replicas-differ).',
  slowOperation: 'When it lasts: look after the disk, or after the state machine, as `operation` says.',
  logDBFailed:
    'Do what `advice` says: [After a failed write or sync](operations.md#after-a-failed-write-or-sync).',
  storageProblem: 'Do what `advice` says: [Disks that fail](operations.md#disks-that-fail).',
  clockJumped: 'Look after the time server of the machine, and after certificates.',
  connectionEstablished: undefined,
  connectionFailed: 'Look at `error`, and whether the other host runs. It is tried again by itself.',
  messageDamaged: 'Look after the network; of an `entry`, after the memory and the disk of the sender.',
  plaintext: 'Set `mutualTls`, or `allowPlaintext`: [security.md](security.md#recommended).',
  filesExposed: 'Take the access of others away: [Who may read it](operations.md#who-may-read-it).',
  networkFileSystem:
    'Use a local disk, or set `allowNetworkFileSystem`: [Which disk](operations.md#which-disk).',
  certificateExpires: 'Renew the certificate: [certs](operations.md#certs).',
  nodeHostShuttingDown: undefined,
};

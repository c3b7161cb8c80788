import type { HostEvents, HostListener } from '@drakkar/framework';
import { eventually } from './waiting.js';

/** Complete, or it would not compile. */
const EVENTS: Record<keyof HostEvents, true> = {
  leaderUpdated: true,
  leaderSteppedDown: true,
  slowOperation: true,
  stateMachineStalled: true,
  nodeReady: true,
  nodeUnloaded: true,
  membershipChanged: true,
  levelRaised: true,
  groupSettingsChanged: true,
  configurationOverruled: true,
  memberOutdated: true,
  sendSnapshotStarted: true,
  sendSnapshotCompleted: true,
  sendSnapshotAborted: true,
  snapshotReceived: true,
  snapshotRecovered: true,
  snapshotCreated: true,
  snapshotNoSpace: true,
  plaintext: true,
  storageProblem: true,
  clockJumped: true,
  certificateExpires: true,
  filesExposed: true,
  networkFileSystem: true,
  logNoSpace: true,
  logSpaceRegained: true,
  snapshotCompacted: true,
  logCompacted: true,
  logDBCompacted: true,
  replicaFailed: true,
  snapshotDamaged: true,
  groupMismatch: true,
  replicaRefused: true,
  stateDiverged: true,
  logDBFailed: true,
  connectionEstablished: true,
  connectionFailed: true,
  messageDamaged: true,
  nodeHostShuttingDown: true,
};
const EVENT_NAMES = Object.keys(EVENTS) as (keyof HostEvents)[];

/** What a host's listener was told, in order. */
export class EventLog {
  readonly all: { name: keyof HostEvents; event: object }[] = [];
  readonly listener: HostListener = Object.fromEntries(
    EVENT_NAMES.map((name) => [name, (event: object) => void this.all.push({ name, event })]),
  );

  of<Name extends keyof HostEvents>(name: Name): HostEvents[Name][] {
    return this.all.filter((one) => one.name === name).map(({ event }) => event as HostEvents[Name]);
  }

  /** Waits for the first event of that name; gives every one that was told by then. */
  async first<Name extends keyof HostEvents>(name: Name): Promise<[HostEvents[Name], ...HostEvents[Name][]]> {
    return await eventually(`the event ${name}`, () => {
      const [first, ...more] = this.of(name);
      return first === undefined ? undefined : [first, ...more];
    });
  }
}

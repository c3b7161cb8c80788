/** The stream that an InstallSnapshot message asked for: one attempt to bring one snapshot to one replica. */
export interface SnapshotStream {
  /** Never used again by this core. */
  readonly id: number;
  readonly nodeID: number;
  /** Of the snapshot. */
  readonly index: number;
}

/** How a stream ended. It names the stream: by then another one to the same replica may be under way. */
export interface SnapshotStreamReport {
  nodeID: number;
  /** `hint` of the InstallSnapshot message that asked for the stream. */
  streamID: number;
  /** Of the snapshot. */
  index: number;
  failed: boolean;
}

/** Failed streams to one replica since the last that succeeded. */
interface Failures {
  count: number;
  retryTick: number;
}

/**
 * The streams under way, at most one for each replica. They outlast this replica's leadership, since the engine goes
 * on sending: a leader that is elected again must find the stream that it began before.
 */
export class SnapshotStreams {
  private lastID = 0;
  private readonly underWay = new Map<number, SnapshotStream>();
  private readonly failures = new Map<number, Failures>();

  to(nodeID: number): SnapshotStream | undefined {
    return this.underWay.get(nodeID);
  }

  /** Takes the place of an earlier stream to the same replica, which the engine then calls off. */
  begin(nodeID: number, index: number): SnapshotStream {
    this.lastID += 1;
    const stream = { id: this.lastID, nodeID, index };
    this.underWay.set(nodeID, stream);
    return stream;
  }

  /** False: the report is about a stream that another one has replaced. */
  end({ nodeID, streamID, index }: SnapshotStreamReport): boolean {
    const stream = this.underWay.get(nodeID);
    if (stream?.id !== streamID || stream.index !== index) return false;
    this.underWay.delete(nodeID);
    return true;
  }

  succeeded(nodeID: number): void {
    this.failures.delete(nodeID);
  }

  /** Each failure in a row doubles the wait for the next stream, from `baseTicks` up to `maxTicks`. */
  failed(nodeID: number, tick: number, baseTicks: number, maxTicks: number): void {
    const count = (this.failures.get(nodeID)?.count ?? 0) + 1;
    const waitTicks = Math.min(baseTicks * 2 ** (count - 1), maxTicks);
    this.failures.set(nodeID, { count, retryTick: tick + waitTicks });
  }

  mayBegin(nodeID: number, tick: number): boolean {
    const failures = this.failures.get(nodeID);
    return failures === undefined || tick >= failures.retryTick;
  }

  /** Forgets the failures of replicas that are no members any more. */
  keepMembers(isMember: (nodeID: number) => boolean): void {
    for (const nodeID of this.failures.keys()) if (!isMember(nodeID)) this.failures.delete(nodeID);
  }

  [Symbol.iterator](): Iterator<SnapshotStream> {
    return this.underWay.values();
  }
}

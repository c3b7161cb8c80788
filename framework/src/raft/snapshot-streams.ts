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

/** Streams to one replica that have ended since it had what one of them has brought. */
interface Attempts {
  count: number;
  retryTick: number;
  /** Of the snapshot of the last. */
  index: number;
}

/**
 * The streams under way, at most one for each replica. They outlast this replica's leadership, since the engine goes
 * on sending: a leader that is elected again must find the stream that it began before.
 */
export class SnapshotStreams {
  private lastID = 0;
  private readonly underWay = new Map<number, SnapshotStream>();
  private readonly attempts = new Map<number, Attempts>();

  /** @param spread by which the pauses of groups differ, that would all try again at the same time otherwise */
  constructor(private readonly spread = 0) {}

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

  /**
   * A replica has everything up to `index`. Only that is success: what was sent whole may not have been of use, or not
   * have got to the disk there, and would be sent again and again at full size.
   */
  reached(nodeID: number, index: number): void {
    if (this.attempts.size === 0) return;
    const attempts = this.attempts.get(nodeID);
    if (attempts !== undefined && index >= attempts.index) this.attempts.delete(nodeID);
  }

  /** Each stream in a row doubles the wait for the next, from `baseTicks` up to `maxTicks`; a little more for some. */
  ended({ nodeID, index }: SnapshotStreamReport, tick: number, baseTicks: number, maxTicks: number): void {
    const count = (this.attempts.get(nodeID)?.count ?? 0) + 1;
    const waitTicks = Math.min(baseTicks * 2 ** (count - 1), maxTicks);
    const spreadTicks = (this.spread + nodeID) % (1 + (waitTicks >> 2));
    this.attempts.set(nodeID, { count, retryTick: tick + waitTicks + spreadTicks, index });
  }

  mayBegin(nodeID: number, tick: number): boolean {
    const attempts = this.attempts.get(nodeID);
    return attempts === undefined || tick >= attempts.retryTick;
  }

  /** Forgets the attempts at replicas that are no members any more. */
  keepMembers(isMember: (nodeID: number) => boolean): void {
    for (const nodeID of this.attempts.keys()) if (!isMember(nodeID)) this.attempts.delete(nodeID);
  }

  [Symbol.iterator](): Iterator<SnapshotStream> {
    return this.underWay.values();
  }
}

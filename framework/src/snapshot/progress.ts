/** How far long work on a snapshot has come. */
export interface SnapshotProgress {
  /** `saving`: the state machine writes it; `copying`; `verifying`: every bit is read again. */
  phase: 'saving' | 'copying' | 'verifying';
  /** Of this phase. */
  doneBytes: number;
  /** Of this phase; 0 while it is not known. */
  totalBytes: number;
}

/** What long work on a snapshot takes beside its object. */
export interface LongWork {
  /** Calls it off. */
  signal: AbortSignal;
  /** Called often; what it throws ends the work. */
  onProgress?: ((progress: SnapshotProgress) => void) | undefined;
}

/** Gets the number of bytes that were dealt with since it was last called. */
export type ByteMeter = (sizeBytes: number) => void;

export const noMeter: ByteMeter = () => undefined;

/** Counts the bytes of one phase for a listener. */
export function meterOf(
  { onProgress }: LongWork,
  phase: SnapshotProgress['phase'],
  totalBytes: number,
): ByteMeter {
  if (onProgress === undefined) return noMeter;
  let doneBytes = 0;
  onProgress({ phase, doneBytes, totalBytes });
  return (sizeBytes) => {
    doneBytes += sizeBytes;
    onProgress({ phase, doneBytes, totalBytes });
  };
}

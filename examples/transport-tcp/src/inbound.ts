import {
  type ChunkSinkFactory,
  ErrConnectionClosed,
  ErrMalformed,
  type IChunkSink,
  type PeerIdentity,
  type RequestHandler,
} from '@drakkar/raftio';
import type { Arrival, Warnings } from '@drakkar/raftio/transport';
import { type Frame, FrameType } from './frames.js';
import type { Link } from './link.js';

/** Time that the sender of a snapshot gets to read the last answer and to close. */
const PARTING_MS = 1000;

/** Hands on what a peer sends, until its link ends or it sends what it must not; rejects with that. */
export async function receiveMessages(
  link: Link,
  arrival: Arrival,
  handler: RequestHandler,
  warnings: Warnings,
  peer: PeerIdentity | undefined,
): Promise<never> {
  for (;;) {
    const { type, payload } = await link.read();
    if (type !== FrameType.Data) throw new ErrMalformed(`a frame of type ${type} where a batch is due`);
    const batch = arrival.batch(payload);
    try {
      handler(batch, peer);
    } catch (error) {
      warnings.warn('handler', `the request handler failed: ${String(error)}`, { error });
    }
  }
}

/** Hands one chunk after the other to a sink, which is closed in any case, once. */
export async function receiveSnapshot(
  link: Link,
  arrival: Arrival,
  makeSink: ChunkSinkFactory,
  warnings: Warnings,
  peer: PeerIdentity | undefined,
): Promise<void> {
  const sink = makeSink(peer);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    try {
      sink.close();
    } catch (error) {
      warnings.warn('handler', `a sink failed to close: ${String(error)}`, { error });
    }
  };
  void link.closed.then(close); // Whatever the sink is doing then.
  for (let answer: FrameType = FrameType.Taken; answer === FrameType.Taken; link.send(answer)) {
    answer = await take(sink, arrival, await link.read(), warnings);
    if (answer !== FrameType.Taken) close();
  }
  const timer = setTimeout(() => link.end(new ErrConnectionClosed('the snapshot is over')), PARTING_MS);
  void link.closed.then(() => clearTimeout(timer));
  for (;;) await link.read();
}

async function take(
  sink: IChunkSink,
  arrival: Arrival,
  { type, payload }: Frame,
  warnings: Warnings,
): Promise<FrameType> {
  if (type === FrameType.End) return FrameType.Done;
  if (type !== FrameType.Data) throw new ErrMalformed(`a frame of type ${type} where a chunk is due`);
  const chunk = arrival.chunk(payload);
  try {
    return (await sink.addChunk(chunk)) ? FrameType.Taken : FrameType.Refused;
  } catch (error) {
    warnings.warn('handler', `a sink failed: ${String(error)}`, { error });
    return FrameType.Refused;
  }
}

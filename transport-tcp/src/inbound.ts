import {
  type ArrivalHandler,
  type ChunkSinkFactory,
  ErrMalformed,
  MAX_MESSAGE_BYTES,
  type MessageBatch,
  type PeerIdentity,
  type RequestHandler,
  type SnapshotChunk,
  hasErrorCode,
} from '@drakkar/raftio';
import { type Arrival, BatchWatch, type Warnings } from '@drakkar/raftio/transport';
import { ChunkReceiver, warnHandler } from './chunk-receiver.js';
import { Method } from './frames.js';
import type { Link, LinkHandlers } from './link.js';

/** Who takes what comes in, and where what is wrong with it is told. */
export interface Receivers {
  requestHandler: RequestHandler;
  chunkSinkFactory: ChunkSinkFactory;
  onArriving: ArrivalHandler | undefined;
  warnings: Warnings;
}

/** One incoming connection. */
export interface Incoming {
  link: Link;
  arrival: Arrival;
  /** Who has proven to be at the other end, with mutual TLS. */
  peer: PeerIdentity | undefined;
  receivers: Receivers;
}

/** Throws for malformed content; a handler that fails is its host's fault. */
export function handleBatch({ link, peer, receivers }: Incoming, decode: () => MessageBatch): void {
  const batch = decode();
  try {
    receivers.requestHandler(batch, peer);
  } catch (error) {
    warnHandler(receivers.warnings, link, 'the request handler', error);
  }
}

/** What is done with a connection that ends, or with damage to what came over it, whatever it carries. */
export function endHandlers({
  link,
  arrival,
  receivers,
}: Omit<Incoming, 'peer'>): Required<Pick<LinkHandlers, 'onClosed' | 'onDamaged'>> {
  return {
    onDamaged: (method, reason) => {
      if (method === Method.Batch) arrival.damaged('batch', reason);
      if (method === Method.Chunk) arrival.damaged('chunk', reason);
    },
    onClosed: (reason) => {
      if (reason === undefined || !hasErrorCode(reason, 'ERR_MALFORMED')) return;
      const details = { peer: link.peer, error: reason };
      receivers.warnings.warn('content', `connection closed: ${reason.message}`, details);
    },
  };
}

/** For a link that batches come over. */
export function watchOf({ peer, receivers: { onArriving } }: Incoming): Pick<LinkHandlers, 'watch'> {
  return onArriving === undefined ? {} : { watch: new BatchWatch((messages) => onArriving(messages, peer)) };
}

/** Attaches the receiving end of a message channel to a link. */
export function receiveMessages(incoming: Incoming): void {
  incoming.link.attach({
    ...endHandlers(incoming),
    ...watchOf(incoming),
    limitOf: (method) => (method === Method.Batch ? MAX_MESSAGE_BYTES : undefined),
    onFrame: (_method, payload) => handleBatch(incoming, () => incoming.arrival.batch(payload)),
  });
}

/** Attaches the receiving end of a snapshot channel, which answers each chunk, to a link. */
export function receiveSnapshot(incoming: Incoming): void {
  const { link, arrival, receivers } = incoming;
  const receiver = openReceiver(incoming);
  if (receiver === undefined) return;
  const end = (answer: Method): void => {
    receiver.close();
    link.send(answer);
    link.close();
  };
  const take = async (chunk: SnapshotChunk): Promise<void> => {
    const isTaken = await receiver.take(chunk);
    if (!link.isOpen) return;
    if (!isTaken) {
      end(Method.Refused);
      return;
    }
    link.send(Method.Taken);
    link.resume();
  };
  const { onClosed, onDamaged } = endHandlers({ link, arrival, receivers });
  link.attach({
    limitOf: (method) => {
      if (method === Method.Chunk) return MAX_MESSAGE_BYTES;
      return method === Method.SnapshotEnd ? 0 : undefined;
    },
    onFrame: (method, payload) => {
      if (method === Method.SnapshotEnd) {
        end(Method.Done);
        return;
      }
      const chunk = arrival.chunk(payload);
      link.pause();
      void take(chunk);
    },
    onDamaged,
    onClosed: (reason) => {
      onClosed(reason);
      receiver.close();
    },
  });
}

/** Undefined: there is none to be had, and the link is ended. */
export function openReceiver({ link, peer, receivers }: Incoming): ChunkReceiver | undefined {
  const { chunkSinkFactory, warnings } = receivers;
  try {
    return new ChunkReceiver(link, chunkSinkFactory, warnings, peer);
  } catch (error) {
    warnHandler(warnings, link, 'the chunk sink factory', error);
    link.refuse(new Error('this host takes no snapshot now'));
    return undefined;
  }
}

/** What a client of this host did in place of saying hello. */
export function withoutHello(method: number): ErrMalformed {
  return method === Method.Batch || method === Method.Chunk
    ? new ErrMalformed(
        "it sends frames without a hello, as Dragonboat does: if it is meant to, set `peers: 'dragonboat'` here",
      )
    : new ErrMalformed(`a frame of method ${method} where a hello is due`);
}

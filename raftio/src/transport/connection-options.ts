import { type IntegerOption, MAX_TIMER_MS, integerOption } from './integer-options.js';

/** Options that transports have in common; those that concern liveness should be the same on every host. */
export interface ConnectionOptions {
  /** Longest time to set a connection up, from the lookup of a name to the last handshake. Default 5000. */
  connectTimeoutMs?: number;
  /** Longest time that a client of this host may take for its handshakes before it is cut off. Default 5000. */
  handshakeTimeoutMs?: number;
  /** An idle connection is pinged this often, or three times per `deadPeerTimeoutMs` if sooner. Default 2000. */
  pingIntervalMs?: number;
  /** A connection on which nothing at all has arrived for this long is given up. Default 10000. */
  deadPeerTimeoutMs?: number;
  /** Time that a closing connection gets to send what is buffered and part in order. Default 1000. */
  closeTimeoutMs?: number;
  /** Incoming connections held at a time; further ones are dropped. A peer uses up to three, and one per snapshot. Default 1024. */
  maxConnections?: number;
  /**
   * Bytes buffered for one peer from which `sendMessageBatch` stays pending; the host's `sendBufferBytes` applies
   * when it is lower. Default 8 MiB.
   */
  highWaterMarkBytes?: number;
}

const MIB = 1024 * 1024;

export const CONNECTION_OPTIONS: Readonly<Record<keyof ConnectionOptions, IntegerOption>> = {
  connectTimeoutMs: integerOption(
    5000,
    1,
    MAX_TIMER_MS,
    'Longest time to set up a connection to another host.',
  ),
  handshakeTimeoutMs: integerOption(
    5000,
    1,
    MAX_TIMER_MS,
    'Longest time that a client may take for its handshakes.',
  ),
  pingIntervalMs: integerOption(2000, 10, MAX_TIMER_MS, 'How often an idle connection is pinged.'),
  deadPeerTimeoutMs: integerOption(
    10_000,
    50,
    MAX_TIMER_MS,
    'A connection silent for this long is given up.',
  ),
  closeTimeoutMs: integerOption(
    1000,
    1,
    MAX_TIMER_MS,
    'Time that a closing connection gets to part in order.',
  ),
  maxConnections: integerOption(1024, 1, 1_000_000, 'Incoming connections held at a time.'),
  highWaterMarkBytes: integerOption(
    8 * MIB,
    1,
    1024 * MIB,
    "Bytes buffered for one peer from which senders wait; at most the host's own send buffer limit.",
  ),
};

/** The option `snapshotWindowBytes`, of those that wait for what the peer says it has taken. */
export function snapshotWindow(defaultBytes: number, minBytes: number): IntegerOption {
  const description = 'Bytes of snapshot chunks on their way before the sender waits.';
  return integerOption(defaultBytes, minBytes, 1024 * MIB, description);
}

/** The value of option `name`, which is one of `choices`. Throws RangeError for any other. */
export function resolveChoice<Choice extends string>(
  owner: string,
  name: string,
  choices: readonly Choice[],
  value: unknown,
): Choice {
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  throw new RangeError(
    `option '${name}' of ${owner} must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}`,
  );
}

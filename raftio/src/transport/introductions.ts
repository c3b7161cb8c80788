import { isSameAddress } from '../address.js';
import { ErrConnectFailed } from '../errors.js';
import { type AllowedPeer, type PeerIdentity, describePeer, speaksForAddress } from '../peer-identity.js';
import { printable } from '../printable.js';
import type { Damage, RaftRPCCounters } from '../rpc.js';
import { Arrivals } from './arrivals.js';
import type { Warnings } from './warnings.js';

/** For protocols with headers: what a client says, and what a host answers. */
export const HelloHeader = Object.freeze({
  /** Raft address of the host that the client means to reach. */
  to: 'drakkar-to',
  /** Raft address of the client. */
  from: 'drakkar-from',
  /** Raft address of the host that answers. */
  host: 'drakkar-host',
} as const);

/** Longest raft address that is shown: a DNS name of 253 characters and a port. */
const MAX_SHOWN_LENGTH = 260;

/** What an attempt fails with that has reached another host than the one it was meant for. */
export function wrongHost(target: string, expected: string, found: string): ErrConnectFailed {
  const shown = printable(found.slice(0, MAX_SHOWN_LENGTH));
  return new ErrConnectFailed(
    `the host at ${target} is ${shown}, not ${expected}: check where the name leads, and who uses the address`,
    { details: { target, expected, found: shown } },
  );
}

/**
 * Who is at the other end, compared with who should be. A name may lead elsewhere for a moment, and an address may have
 * gone to another host. Who says nothing, as hosts of 0.1 and of Dragonboat do, is let in, and counted.
 */
export class Introductions {
  readonly #raftAddress: string;
  readonly #warnings: Warnings;
  /** What comes in on the connections of those who were let in. */
  readonly arrivals: Arrivals;
  readonly #allowedPeers: readonly AllowedPeer[] | undefined;
  readonly #counters = {
    clientsWithoutHello: 0,
    misdirectedClients: 0,
    hostsWithoutHello: 0,
    misdirectedDials: 0,
    misidentifiedClients: 0,
  };

  /** @param allowedPeers of the configuration for mutual TLS */
  constructor(
    raftAddress: string,
    warnings: Warnings,
    onDamage?: (damage: Damage) => void,
    allowedPeers?: readonly AllowedPeer[],
  ) {
    this.#raftAddress = raftAddress;
    this.#warnings = warnings;
    this.arrivals = new Arrivals(onDamage);
    this.#allowedPeers = allowedPeers;
  }

  get counters(): RaftRPCCounters {
    return { ...this.#counters, ...this.arrivals.counters };
  }

  /** Listening side. Returns why the client is not let in, in words for it; undefined when it is. */
  refusalOf(to: string | undefined, from: string | undefined, peer: string | undefined): string | undefined {
    if (to === undefined) {
      this.#counters.clientsWithoutHello += 1;
      return undefined;
    }
    if (isSameAddress(to, this.#raftAddress)) return undefined;
    this.#counters.misdirectedClients += 1;
    const expected = printable(to.slice(0, MAX_SHOWN_LENGTH));
    const client = from === undefined ? undefined : printable(from.slice(0, MAX_SHOWN_LENGTH));
    const message = `a client meant to reach ${expected} was refused: this host is ${this.#raftAddress}`;
    this.#warnings.warn('handshake', message, { peer, from: client, to: expected });
    return `this host is ${this.#raftAddress}, not ${expected}`;
  }

  /**
   * Listening side, with mutual TLS. Returns why the client is not who it says it is, in words for it; undefined: its
   * certificate speaks for that host, or it says nothing.
   *
   * @param from the raft address that the client says is its own
   */
  identityRefusalOf(
    from: string | undefined,
    identity: PeerIdentity,
    peer: string | undefined,
  ): string | undefined {
    if (from === undefined || speaksForAddress(identity, from, this.#allowedPeers)) return undefined;
    this.#counters.misidentifiedClients += 1;
    const claimed = printable(from.slice(0, MAX_SHOWN_LENGTH));
    const shown = describePeer(identity);
    this.#warnings.warn(
      'identity',
      `a client was refused that says it is ${claimed}: its certificate ${shown}; it needs the host of its raft address as subject alternative name, or an entry in allowedPeers`,
      { peer, from: claimed, fingerprint: identity.fingerprint },
    );
    return `this host's certificate ${shown}, which is not ${claimed}`;
  }

  /** Dialling side. Returns the failure when `found` answers instead of `expected`; undefined: nothing is known. */
  failureOf(target: string, expected: string | undefined, found: string | undefined): Error | undefined {
    if (expected === undefined) return undefined;
    if (found === undefined) {
      this.#counters.hostsWithoutHello += 1;
      return undefined;
    }
    if (isSameAddress(expected, found)) return undefined;
    this.#counters.misdirectedDials += 1;
    return wrongHost(target, expected, found);
  }
}

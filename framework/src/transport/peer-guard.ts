import {
  type AllowedPeer,
  type NormalAddress,
  type PeerIdentity,
  describePeer,
  speaksForAddress,
} from '@drakkar/raftio';
import type { ILogger } from '../logging/logger.js';
import type { SenderClaim } from '../snapshot/index.js';
import { type Location, type NodeRegistry, locationAt } from './node-registry.js';

export interface PeerGuardOptions {
  /** Of the configuration for mutual TLS. */
  allowedPeers: readonly AllowedPeer[] | undefined;
  registry: NodeRegistry;
  /** Raft address that a change in the log of the receiver gives the sender, when it is not applied yet. */
  addressInLog: (claim: SenderClaim) => string | undefined;
  /** Told of each refusal: it is to limit how often it says so. */
  logger: ILogger;
}

/** Hosts that are remembered for one connection: one says in whose name it sends, and members are at few more. */
const MAX_HOSTS = 64;

const WHY = {
  unidentified:
    'dropped what came without the identity of its sender: the transport does not hand on whose certificate was shown (RPC-TLS-9), which mutual TLS needs here',
  foreignSource:
    'dropped a batch in the name of a host that the certificate of its sender is not for: it needs that host as subject alternative name, or an entry in allowedPeers',
  foreignSender:
    'dropped messages or a snapshot in the name of a member that lives at a host which the certificate of their sender is not for',
  noHost:
    'dropped messages or a snapshot of a sender that no membership lists, and whose certificate is not one of a host: its extended key usage lacks serverAuth',
} as const;
type Fault = keyof typeof WHY;

/**
 * With mutual TLS, who may say what: a certificate speaks for the hosts that it names, or that the configuration lets
 * it speak for, and for nobody else. A member lives where the newest membership says that the receiver has, be it in
 * its log only. A sender that is in none may be a member added later: it must be a host that the deployment admits,
 * by its CA, its usages and `allowedPeers`, and send in its own name; whether it is heard is up to the core.
 */
export class PeerGuard {
  readonly #options: PeerGuardOptions;
  /** By connection: whether it speaks for a host. */
  readonly #verdicts = new WeakMap<PeerIdentity, Map<NormalAddress, boolean>>();
  #rejected = 0;

  constructor(options: PeerGuardOptions) {
    this.#options = options;
  }

  /** Batches, messages and snapshots that were dropped. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Whether a batch comes from the host that it says. */
  isSource(peer: PeerIdentity | undefined, source: Location): boolean {
    if (peer !== undefined && this.#speaksFor(peer, source)) return true;
    this.#reject(peer === undefined ? 'unidentified' : 'foreignSource', peer, { source: source.address });
    return false;
  }

  /** @param source of the batch, which was found to be the peer's; a snapshot names none */
  isSender(peer: PeerIdentity | undefined, source: Location | undefined, claim: SenderClaim): boolean {
    const fault = this.#faultOf(peer, source, claim);
    if (fault === undefined) return true;
    const { clusterID, from, to } = claim;
    this.#reject(fault, peer, { clusterID, nodeID: to, from });
    return false;
  }

  /** The same of a message that has begun to arrive. It is judged again when it is there: nothing is counted or logged. */
  isSenderOfArriving(peer: PeerIdentity | undefined, claim: SenderClaim): boolean {
    return this.#faultOf(peer, undefined, claim) === undefined;
  }

  #faultOf(
    peer: PeerIdentity | undefined,
    source: Location | undefined,
    claim: SenderClaim,
  ): Fault | undefined {
    if (peer === undefined) return 'unidentified';
    const { registry, addressInLog } = this.#options;
    const member = registry.memberAt(claim.clusterID, claim.from);
    if (member !== undefined && member.host === source?.host) return undefined;
    const address = member?.address ?? addressInLog(claim);
    if (address === undefined) return peer.canServe ? undefined : 'noHost';
    return this.#speaksFor(peer, member ?? locationAt(address)) ? undefined : 'foreignSender';
  }

  #speaksFor(peer: PeerIdentity, { host }: Location): boolean {
    let verdicts = this.#verdicts.get(peer);
    if (verdicts === undefined) {
      verdicts = new Map();
      this.#verdicts.set(peer, verdicts);
    }
    const known = verdicts.get(host);
    if (known !== undefined) return known;
    const verdict = speaksForAddress(peer, host, this.#options.allowedPeers);
    if (verdicts.size >= MAX_HOSTS) verdicts.clear();
    verdicts.set(host, verdict);
    return verdict;
  }

  #reject(fault: Fault, peer: PeerIdentity | undefined, fields: Record<string, unknown>): void {
    this.#rejected += 1;
    const certificate = peer && describePeer(peer);
    this.#options.logger.warn(WHY[fault], { ...fields, certificate, rejectedSenders: this.#rejected });
  }
}

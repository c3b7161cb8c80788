import type { Introductions } from '@drakkar/raftio/transport';
import type { EngineName } from '../engine.js';
import type { LinkTerms } from '../link.js';
import { type ChannelKind, type Hello, PROTOCOL, newNonce } from '../protocol/hello.js';

/** What this host says of itself to every other. */
export interface Self {
  engine: EngineName;
  raftAddress: string;
  deploymentID: number;
  introductions: Introductions;
  /** What this host may send before it waits; the peer is asked for credit in good time. */
  sendMarkBytes: Readonly<Record<ChannelKind, number>>;
  /** What a peer may send before it is given credit. */
  windowBytes: Readonly<Record<ChannelKind, number>>;
}

/** Credit is given when this part of what a sender holds, or of the window, was read. */
const CREDIT_STEP_PART = 4;

function creditStep(windowBytes: number, senderStepBytes: number): number {
  return Math.max(1, Math.min(Math.floor(windowBytes / CREDIT_STEP_PART), senderStepBytes));
}

/** The hello of this host for one channel. */
export function ownHello(
  self: Self,
  kind: ChannelKind,
  rest: Pick<Hello, 'to' | 'mutualTLS' | 'binding' | 'expected'>,
): Hello {
  return {
    protocol: PROTOCOL,
    engine: self.engine,
    kind,
    deploymentID: self.deploymentID,
    from: self.raftAddress,
    nonce: newNonce(),
    windowBytes: self.windowBytes[kind],
    creditStepBytes: Math.max(1, Math.floor(self.sendMarkBytes[kind] / CREDIT_STEP_PART)),
    ...rest,
  };
}

/** What the two hellos come to. */
export function linkTerms(own: Hello, peer: Hello, name: string): LinkTerms {
  return {
    peer: name,
    peerWindowBytes: peer.windowBytes,
    windowBytes: own.windowBytes,
    creditStepBytes: creditStep(own.windowBytes, peer.creditStepBytes),
  };
}

export function differentEngines(theirs: EngineName, ours: EngineName): string {
  return `it uses engine ${theirs} of the quic transport and this host ${ours}; all hosts of a deployment need the same`;
}

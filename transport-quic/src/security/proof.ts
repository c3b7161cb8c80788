import {
  type KeyObject,
  X509Certificate,
  constants,
  createHash,
  createPrivateKey,
  sign,
  verify,
} from 'node:crypto';
import { ErrMalformed } from '@drakkar/raftio';
import {
  type Identity,
  type PeerCredentials,
  credentialsOf,
  faultOfCredentials,
} from '@drakkar/raftio/transport';
import { parseObject } from '../protocol/hello.js';
import { CertificateFault, type Role, certificatesIn, checkChain, checkKeyStrength } from './chain.js';

/** What both sides of a channel have said and seen before they prove who they are. */
export interface Transcript {
  /** The payloads of both hellos, as they travelled: nonces, both addresses, and everything else that was agreed. */
  clientHello: Uint8Array;
  serverHello: Uint8Array;
  /** See `Channel`. */
  binding: Uint8Array;
}

const LABEL = 'drakkar-quic/1 proof';
const MAX_PROOF_BYTES = 64 * 1024;
const MAX_CERTIFICATES = 8;

/**
 * What is signed. An attacker that could read and change what passes between the two hosts would have to hold a TLS session
 * with each, with different bindings: a signature made for one is void in the other. Role and nonces keep a signature
 * from being used for the other side, or again.
 */
export function signedBytes(role: Role, transcript: Transcript): Buffer {
  const hash = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
  const { clientHello, serverHello, binding } = transcript;
  return Buffer.concat([Buffer.from(`${LABEL} ${role}\0`), hash(clientHello), hash(serverHello), binding]);
}

/** The way to sign with a key, by its type; the type is the certificate's, so the signer has no choice. */
function scheme(key: KeyObject): { digest: string | null; padding?: number; saltLength?: number } {
  checkKeyStrength(key);
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return {
        digest: 'sha256',
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      };
    case 'ec':
      return { digest: 'sha256' };
    default:
      return { digest: null };
  }
}

/** This host's certificates and its signature, as the payload of a Proof frame. Throws for a key of an unusable type. */
export function makeProof(role: Role, identity: Identity, transcript: Transcript): Uint8Array {
  const { cert, key } = identity.pem;
  const privateKey = createPrivateKey(key);
  const { digest, ...padding } = scheme(privateKey);
  const signature = sign(digest, signedBytes(role, transcript), { key: privateKey, ...padding });
  const chain = certificatesIn(cert).map(({ raw }) => raw.toString('base64'));
  return new Uint8Array(Buffer.from(JSON.stringify({ chain, signature: signature.toString('base64') })));
}

interface Proof {
  chain: X509Certificate[];
  signature: Buffer;
}

function decodeProof(payload: Uint8Array): Proof {
  const { chain, signature } = parseObject(payload, MAX_PROOF_BYTES);
  if (!Array.isArray(chain) || chain.length > MAX_CERTIFICATES || typeof signature !== 'string') {
    throw new ErrMalformed('a proof with fields that are not as they must be');
  }
  try {
    return {
      chain: chain.map((each) => new X509Certificate(Buffer.from(String(each), 'base64'))),
      signature: Buffer.from(signature, 'base64'),
    };
  } catch (error) {
    throw new ErrMalformed('a proof with something that is no certificate', { cause: error });
  }
}

/**
 * Checks the proof of the peer, whose role is `role`, against the CA of `identity`. Throws CertificateFault when it
 * does not prove the peer to be a host of the deployment (and, of a server, `host`), ErrMalformed when it is none.
 *
 * @returns what the peer has shown
 */
export function checkProof(
  payload: Uint8Array,
  {
    role,
    identity,
    host,
    transcript,
  }: {
    role: Role;
    identity: Identity;
    host: string | undefined;
    transcript: Transcript;
  },
): PeerCredentials {
  const { chain, signature } = decodeProof(payload);
  const trusted = certificatesIn(identity.pem.ca);
  const path = checkChain({ shown: chain, trusted, role, host: undefined, nowMs: Date.now() });
  const [leaf] = path;
  const { digest, ...padding } = scheme(leaf.publicKey);
  if (!verify(digest, signedBytes(role, transcript), { key: leaf.publicKey, ...padding }, signature)) {
    throw new CertificateFault('CERT_SIGNATURE_FAILURE', 'its proof of possession is wrong');
  }
  const credentials = credentialsOf(path);
  const fault = faultOfCredentials(credentials, role, identity, host);
  if (fault !== undefined) throw new CertificateFault(fault.code, fault.message);
  return credentials;
}

/** The fingerprint by which channels are bound. */
export function sha256(certificate: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(certificate).digest());
}

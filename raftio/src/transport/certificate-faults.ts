const EXPIRED = 'has expired or is not yet valid: renew it, or check the clocks of both hosts';
const FOREIGN = "was not signed by the CA in this host's caFile";

/** By the codes that OpenSSL's verification gives. */
const FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: FOREIGN,
  UNABLE_TO_GET_ISSUER_CERT: FOREIGN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: FOREIGN,
  DEPTH_ZERO_SELF_SIGNED_CERT: FOREIGN,
  SELF_SIGNED_CERT_IN_CHAIN: FOREIGN,
  CERT_SIGNATURE_FAILURE: FOREIGN,
  CERT_UNTRUSTED: FOREIGN,
  INVALID_CA: FOREIGN,
  CERT_REVOKED: 'was revoked',
  ERR_PEER_NOT_ALLOWED: 'is not among the allowedPeers of this host',
  INVALID_PURPOSE:
    'is not for this use: the extended key usage of a host must have serverAuth and clientAuth',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'does not name the host: its subject alternative names must have the name or IP of the raft address',
};

/** What is wrong with the certificate that a peer showed, after "its certificate"; by the `code` of Node's error. */
export function certificateFault(code: string): string | undefined {
  return FAULTS[code];
}

import { ErrTLS } from '@drakkar/raftio';

/** A QUIC session that TLS has ended has this plus the alert as its error code (RFC 9001, section 4.8). */
const CRYPTO_ERROR = 0x100;
const MAX_ALERT = 0xff;

/** By the numbers of TLS alerts (RFC 8446, section 6). */
const ALERTS: Readonly<Record<number, string>> = {
  40: 'handshake failure',
  42: 'bad certificate',
  43: 'unsupported certificate',
  44: 'certificate revoked',
  45: 'certificate expired or not yet valid',
  46: 'certificate unknown',
  48: 'unknown CA',
  49: 'access denied',
  51: 'decrypt error',
  70: 'protocol version',
  116: 'certificate required',
};

const NO_APPLICATION_PROTOCOL = 120;

/** What the end of a session means, seen from the dialling side; undefined when TLS has nothing to do with it. */
export function explainSessionEnd(errorCode: number, reason: string, peer: string): Error | undefined {
  const alert = errorCode - CRYPTO_ERROR;
  if (alert === NO_APPLICATION_PROTOCOL) {
    return new Error('it does not speak the protocol of engine quic: all hosts of a deployment need the same engine');
  }
  const name = ALERTS[alert];
  if (name !== undefined || (alert > 0 && alert <= MAX_ALERT)) {
    const advice = "check that this host's certFile is valid and signed by the CA that the peer trusts";
    return new ErrTLS(
      `${peer} refused this host's certificate or TLS version: ${name ?? `alert ${alert}`}; ${advice}`,
      { details: { alert } },
    );
  }
  if (errorCode === 0) return undefined;
  return new Error(`the session ended with code ${errorCode}${reason === '' ? '' : `, ${reason}`}`);
}

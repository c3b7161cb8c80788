import { printable } from '@drakkar/raftio/transport';

/** A QUIC session that TLS has ended has this plus the alert as its error code (RFC 9001, section 4.8). */
const CRYPTO_ERROR = 0x100;
const MAX_ALERT = 0xff;
/** TLS alert (RFC 8446, section 6) of a server that has none of the protocols that the client offers. */
const NO_APPLICATION_PROTOCOL = 120;

/** What the end of a session means, seen from the dialling side; undefined for an end in order. */
export function explainSessionEnd(errorCode: number, reason: string): Error | undefined {
  if (errorCode === 0) return undefined;
  const alert = errorCode - CRYPTO_ERROR;
  if (alert === NO_APPLICATION_PROTOCOL) {
    return new Error(
      'it listens for something else than engine quic: all hosts of a deployment need the same engine',
    );
  }
  const what = alert >= 0 && alert <= MAX_ALERT ? `TLS alert ${alert}` : `code ${errorCode}`;
  return new Error(`the session ended with ${what}${reason === '' ? '' : `, ${printable(reason)}`}`);
}

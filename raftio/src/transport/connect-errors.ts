import { ErrConnectFailed, ErrTLS } from '../errors.js';
import { certificateFault } from './certificate-faults.js';

/** How far an attempt to connect over TCP has come. */
export interface AttemptState {
  target: string;
  /** Whether this host uses mutual TLS. */
  secure: boolean;
  /** Whether the TLS handshake was through, as far as this side can tell. */
  secured: boolean;
  /** Whether a TCP connection was made. */
  connected: boolean;
}

/** What a failed attempt to connect means and what to do about it: ErrTLS or ErrConnectFailed. */
export function explainConnectError(error: Error, state: AttemptState): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const { target } = state;
  const options = { cause: error, details: { target, cause: code } };
  const fault = certificateFault(code);
  if (fault !== undefined) {
    return new ErrTLS(`${target}: its certificate ${fault} (${error.message})`, options);
  }
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) {
    const advice = "check that this host's certFile is valid and signed by the CA that the peer trusts";
    return new ErrTLS(
      `${target} refused this host's certificate or TLS version: ${error.message}; ${advice}`,
      options,
    );
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    const advice = 'mutual TLS must be on for all hosts of a deployment, or for none';
    return new ErrTLS(`${target} does not speak TLS as expected: ${error.message}; ${advice}`, options);
  }
  if (!state.connected) return new ErrConnectFailed(`can't connect to ${target}: ${error.message}`, options);
  if (state.secured) {
    const advice =
      "most likely it refused this host's certificate: check certFile against the peer's CA, and its dates";
    return new ErrTLS(`${target} hung up after the TLS handshake; ${advice} (${error.message})`, options);
  }
  if (code.startsWith('HPE_') || code === 'ERR_HTTP2_ERROR' || code === 'ECONNRESET') {
    const advice = state.secure
      ? 'it may have mutual TLS off, or be at its limit of connections'
      : 'it may have mutual TLS on, which this host has not, or be at its limit of connections';
    return new ErrConnectFailed(`${target} hung up in the handshake: ${advice} (${error.message})`, options);
  }
  return new ErrConnectFailed(`can't connect to ${target}: ${error.message}`, options);
}

import { isDrakkarError } from '@drakkar/raftio';
import { ERROR_CATALOGUE } from './catalogue.js';

const temporaryCodes: ReadonlySet<string> = new Set(
  ERROR_CATALOGUE.filter((error) => error.temporary).map((error) => error.code),
);

/**
 * Whether the error is a passing one, so that the same request is worth another try later, maybe on another host: as
 * Dragonboat's IsTempError. Says nothing of whether it had an effect; `effect` and
 * `retry` of the error do.
 */
export function isTempError(error: unknown): boolean {
  return isDrakkarError(error) && temporaryCodes.has(error.code);
}

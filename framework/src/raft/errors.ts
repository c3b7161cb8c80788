import { RaftInvariantError } from '../errors/index.js';

/** Throws. A function of its own, so that the check on the hot path is only a comparison. */
export function violated(message: string, details: Record<string, unknown> = {}): never {
  const facts = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`);
  throw new RaftInvariantError(facts.length === 0 ? message : `${message} (${facts.join(', ')})`, details);
}

import type { Handlers, Invariant } from './observation.js';

/**
 * No command takes effect twice (thesis 6.3), and none of which a client was told that it would not; the answer that
 * a client gets is that to its own command.
 */
export class AtMostOnce implements Invariant {
  readonly name = 'at most once';
  readonly #positions = new Map<string, number>();
  readonly #refused = new Set<string>();

  readonly handlers: Handlers = {
    updated: ({ clusterID, position, command }) => {
      const key = `${clusterID}/${command}`;
      const before = this.#positions.get(key);
      if (before !== undefined && before !== position) {
        throw new Error(
          `command ${command} of group ${clusterID} took effect at ${before} and again at ${position}`,
        );
      }
      this.#positions.set(key, position);
      if (this.#refused.has(key)) {
        throw new Error(
          `command ${command} of group ${clusterID} took effect, but its client was told that it would not`,
        );
      }
    },
    writeAnswered: ({ clusterID, position, command }) => {
      const actual = this.#positions.get(`${clusterID}/${command}`);
      if (actual === position) return;
      throw new Error(
        `the client of command ${command} of group ${clusterID} is told that it took effect at ${position}, but it did at ${actual ?? 'no place'}`,
      );
    },
    refused: ({ clusterID, command }) => {
      const key = `${clusterID}/${command}`;
      this.#refused.add(key);
      if (this.#positions.has(key)) {
        throw new Error(
          `the client of command ${command} of group ${clusterID} is told that it had no effect, but it had`,
        );
      }
    },
  };
}

import { ErrIncompatibleData } from '../errors/host.js';
import { decodeDragonboatSessions, encodeDragonboatSessions } from './dragonboat-sessions.js';
import { decodeSessions, encodeSessions } from './session-codec.js';

/**
 * Translates the client sessions of a group at feature level 0 between our snapshots and those of Dragonboat v2.1.7;
 * see `SessionFormat` of the snapshots.
 *
 * @param maxCount sessions that the group keeps
 */
export function dragonboatSessionFormat(maxCount: number): {
  fromDragonboat: (sessions: Uint8Array) => Uint8Array;
  toDragonboat: (sessions: Uint8Array) => Uint8Array;
} {
  return {
    fromDragonboat: (bytes) => encodeSessions(decodeDragonboatSessions(bytes, maxCount)),
    toDragonboat: (bytes) => {
      const { sessions, agreed } = decodeSessions(bytes, maxCount);
      if (agreed !== undefined) {
        throw new ErrIncompatibleData(
          `the group is at feature level ${agreed.level}, of which Dragonboat v2.1.7 knows nothing: its members can't go on from there`,
          { details: { level: agreed.level } },
        );
      }
      return encodeDragonboatSessions(sessions);
    },
  };
}

/** Between the client sessions in our snapshots and those in snapshots of Dragonboat v2.1.7. */
export interface SessionFormat {
  /**
   * @throws ErrSessionsCorrupt when the bytes are not what Dragonboat writes
   * @throws ErrHardSettingsChanged when they are of a group that keeps another number of sessions
   */
  fromDragonboat(sessions: Uint8Array): Uint8Array;
  /**
   * @throws ErrSessionsCorrupt when the bytes are not in our format
   * @throws ErrHardSettingsChanged when they are of a group that keeps another number of sessions
   * @throws ErrIncompatibleData when the group has agreed on what Dragonboat can't express
   */
  toDragonboat(sessions: Uint8Array): Uint8Array;
}

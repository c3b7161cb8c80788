import { crc32 } from 'node:zlib';
import { type GroupSettings, type Uint64, uint64FromHalves } from '@drakkar/raftio';
import { ErrHardSettingsChanged, ErrSessionsCorrupt } from '../errors/index.js';
import { ClientSession, SessionManager } from './session-manager.js';

/*
 * The client sessions of a group as bytes. Fixed-width unsigned integers, little-endian:
 *
 *   u32 magic 0x53534b44 ("DKSS")     u32 version: 1, or 2
 *   u32 maxSessionCount               u32 number of sessions
 *   version 2:                        u32 feature level of the group, above 0
 *     u32 flags: bit 0 orderedConfigChange, bit 1 the same as it was before level 1
 *     u32 maxSessionCount as it was before level 1
 *   for each session, the least recently used first:
 *     u64 clientID   u64 respondedTo   u32 number of results
 *     for each result, ascending: u64 seriesID   u64 result
 *   u32 CRC-32 (IEEE) of everything before it
 *
 * A group at level 0 writes version 1, which is all that release 0.1 reads: so that one refuses a snapshot of a group
 * at a higher level, whose entries it would apply otherwise than the group does.
 *
 * Equal sessions give equal bytes, so these are also what session hashes are made of.
 */
const MAGIC = 0x5353_4b44;
const VERSION = 1;
const LEVEL_VERSION = 2;
const HEADER_BYTES = 16;
const LEVEL_BYTES = 12;
const ORDERED_FLAG = 1;
const WAS_ORDERED_FLAG = 2;
const SESSION_BYTES = 20;
const RESULT_BYTES = 16;
const CHECKSUM_BYTES = 4;

/** What a group agrees on by its log beside its members and sessions, from feature level 1 on. */
export interface Agreed {
  /** Above 0. */
  level: number;
  /** In force. Their session limit is that of the sessions. */
  settings: GroupSettings;
  /** By which the entries before level 1 were applied. */
  initialSettings: GroupSettings;
}

/** @param agreed undefined at level 0 */
export function encodeSessions(sessions: SessionManager, agreed?: Agreed): Uint8Array {
  const level = agreed?.level ?? 0;
  const headerBytes = level === 0 ? HEADER_BYTES : HEADER_BYTES + LEVEL_BYTES;
  let sizeBytes = headerBytes + CHECKSUM_BYTES;
  for (const { history } of sessions.inOrderOfUse()) sizeBytes += SESSION_BYTES + history.size * RESULT_BYTES;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  const version = level === 0 ? VERSION : LEVEL_VERSION;
  [MAGIC, version, sessions.maxCount, sessions.count].forEach((word, i) => view.setUint32(4 * i, word, true));
  if (agreed !== undefined) setAgreed(view, agreed);
  let at = headerBytes;
  for (const session of sessions.inOrderOfUse()) {
    setUint64(view, at, session.clientID);
    setUint64(view, at + 8, session.respondedTo);
    view.setUint32(at + 16, session.history.size, true);
    at += SESSION_BYTES;
    for (const [seriesID, result] of ascending(session.history)) {
      setUint64(view, at, seriesID);
      setUint64(view, at + 8, result);
      at += RESULT_BYTES;
    }
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)), true);
  return bytes;
}

function setAgreed(view: DataView, { level, settings, initialSettings }: Agreed): void {
  const flags =
    (settings.orderedConfigChange ? ORDERED_FLAG : 0) |
    (initialSettings.orderedConfigChange ? WAS_ORDERED_FLAG : 0);
  view.setUint32(HEADER_BYTES, level, true);
  view.setUint32(HEADER_BYTES + 4, flags, true);
  view.setUint32(HEADER_BYTES + 8, initialSettings.lruMaxSessionCount, true);
}

/** What a snapshot says beside the membership and the user's data. */
export interface RestoredSessions {
  sessions: SessionManager;
  /** Undefined at level 0: the settings are those of the replica. */
  agreed: Agreed | undefined;
}

/**
 * The sessions, the level and the settings that `encodeSessions` wrote.
 *
 * @throws ErrSessionsCorrupt when the bytes are damaged or of another version
 * @throws ErrHardSettingsChanged when they are of a group at level 0 that keeps another number of sessions than `maxCount`
 */
export function decodeSessions(bytes: Uint8Array, maxCount: number): RestoredSessions {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < HEADER_BYTES) throw new ErrSessionsCorrupt(`client sessions: only ${bytes.length} bytes`);
  if (view.getUint32(0, true) !== MAGIC) throw new ErrSessionsCorrupt('client sessions: not in our format');
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) {
    throw new ErrSessionsCorrupt('client sessions: wrong checksum');
  }
  const version = view.getUint32(4, true);
  if (version !== VERSION && version !== LEVEL_VERSION) {
    throw new ErrSessionsCorrupt(
      `client sessions: format version ${version}, this release reads ${VERSION} and ${LEVEL_VERSION}`,
    );
  }
  const writtenMaxCount = view.getUint32(8, true);
  if (version === LEVEL_VERSION) return readRaised(view, end, writtenMaxCount);
  if (writtenMaxCount !== maxCount) {
    throw new ErrHardSettingsChanged(
      `the snapshot is of a group that keeps ${writtenMaxCount} client sessions, this host is set to ${maxCount}`,
    );
  }
  return { sessions: readSessions(view, HEADER_BYTES, end, maxCount), agreed: undefined };
}

function readRaised(view: DataView, end: number, maxCount: number): RestoredSessions {
  const start = HEADER_BYTES + LEVEL_BYTES;
  const level = end < start ? 0 : view.getUint32(HEADER_BYTES, true);
  if (level === 0) throw new ErrSessionsCorrupt('client sessions: a group of no level in the format of one');
  const flags = view.getUint32(HEADER_BYTES + 4, true);
  const initialCount = view.getUint32(HEADER_BYTES + 8, true);
  if (maxCount === 0 || initialCount === 0 || flags > (ORDERED_FLAG | WAS_ORDERED_FLAG))
    throw new ErrSessionsCorrupt('client sessions: settings that no group has');
  const settings = {
    orderedConfigChange: (flags & ORDERED_FLAG) !== 0,
    lruMaxSessionCount: maxCount,
  };
  const initialSettings = {
    orderedConfigChange: (flags & WAS_ORDERED_FLAG) !== 0,
    lruMaxSessionCount: initialCount,
  };
  return { sessions: readSessions(view, start, end, maxCount), agreed: { level, settings, initialSettings } };
}

function readSessions(view: DataView, start: number, end: number, maxCount: number): SessionManager {
  const sessions = new SessionManager(maxCount);
  const count = view.getUint32(12, true);
  let at = start;
  const need = (sizeBytes: number): void => {
    if (at + sizeBytes > end)
      throw new ErrSessionsCorrupt('client sessions: shorter than their own counts say');
  };
  for (let i = 0; i < count; i++) {
    need(SESSION_BYTES);
    const clientID = getUint64(view, at);
    const respondedTo = getUint64(view, at + 8);
    const resultCount = view.getUint32(at + 16, true);
    at += SESSION_BYTES;
    need(resultCount * RESULT_BYTES);
    const history = new Map<Uint64, Uint64>();
    for (let j = 0; j < resultCount; j++, at += RESULT_BYTES) {
      history.set(getUint64(view, at), getUint64(view, at + 8));
    }
    sessions.add(new ClientSession(clientID, respondedTo, history));
  }
  if (at !== end || sessions.count !== count) {
    throw new ErrSessionsCorrupt('client sessions: their counts do not match what is there');
  }
  return sessions;
}

function ascending(history: Map<Uint64, Uint64>): Iterable<[Uint64, Uint64]> {
  return history.size < 2 ? history : [...history].sort(([a], [b]) => (a < b ? -1 : 1));
}

function setUint64(view: DataView, at: number, value: Uint64): void {
  view.setBigUint64(at, BigInt(value), true);
}

function getUint64(view: DataView, at: number): Uint64 {
  return uint64FromHalves(view.getUint32(at + 4, true), view.getUint32(at, true));
}

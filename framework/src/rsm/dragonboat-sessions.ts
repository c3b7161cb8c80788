import { type Uint64, MAX_UINT64, toUint64 } from '@drakkar/raftio';
import { ErrHardSettingsChanged, ErrSessionsCorrupt } from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { ClientSession, SessionManager } from './session-manager.js';

/*
 * The client sessions of a group as Dragonboat v2.1.7 writes them into its snapshots. Integers little-endian:
 *
 *   u64 maxSessionCount     u64 number of sessions
 *   for each session, the least recently used first:
 *     u64 size     JSON {"ClientID":n,"RespondedUpTo":n,"History":{"seriesID":result}}
 *
 * Numbers in the JSON have all their 64 bits, so JSON.parse would round them. Keys of History are sorted as strings.
 */
const HEAD_BYTES = 16;
const LENGTH_BYTES = 8;
const SESSION_JSON = /^\{"ClientID":(\d+),"RespondedUpTo":(\d+),"History":(?:\{(.*)\}|null)\}$/;
const RESULT_JSON = /^"(\d+)":(\d+)$/;

function sessionJSON({ clientID, respondedTo, history }: ClientSession): string {
  const results = [...history].map(([seriesID, result]) => [String(seriesID), String(result)] as const);
  results.sort(([a], [b]) => (a < b ? -1 : 1));
  const body = results.map(([seriesID, result]) => `"${seriesID}":${result}`).join(',');
  return `{"ClientID":${clientID},"RespondedUpTo":${respondedTo},"History":{${body}}}`;
}

/** Equal sessions give equal bytes, those that a Go replica with the same sessions would write. */
export function encodeDragonboatSessions(sessions: SessionManager): Uint8Array {
  const texts = [...sessions.inOrderOfUse()].map((session) => Buffer.from(sessionJSON(session)));
  const sizeBytes = texts.reduce((sum, text) => sum + LENGTH_BYTES + text.length, HEAD_BYTES);
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sessions.maxCount), true);
  view.setBigUint64(8, BigInt(texts.length), true);
  let at = HEAD_BYTES;
  for (const text of texts) {
    view.setBigUint64(at, BigInt(text.length), true);
    bytes.set(text, at + LENGTH_BYTES);
    at += LENGTH_BYTES + text.length;
  }
  return bytes;
}

function parseUint64(digits: string): Uint64 {
  const value = BigInt(digits);
  if (value > MAX_UINT64) throw new Error(`${digits} does not fit 64 bits`);
  return toUint64(value);
}

function parseSession(text: string): ClientSession {
  const match = SESSION_JSON.exec(text);
  if (match === null) throw new Error(`not a session: ${text.slice(0, 80)}`);
  const [, clientID = '', respondedTo = '', body = ''] = match;
  const history = new Map<Uint64, Uint64>();
  for (const pair of body === '' ? [] : body.split(',')) {
    const result = RESULT_JSON.exec(pair);
    if (result === null) throw new Error(`not a result of a session: ${pair.slice(0, 80)}`);
    history.set(parseUint64(result[1] ?? ''), parseUint64(result[2] ?? ''));
  }
  return new ClientSession(parseUint64(clientID), parseUint64(respondedTo), history);
}

/**
 * The sessions in the first section of a snapshot of Dragonboat v2.1.7.
 *
 * @throws ErrSessionsCorrupt when the bytes are not what `encodeDragonboatSessions` writes
 * @throws ErrHardSettingsChanged when they are of a group that keeps another number of sessions than `maxCount`
 */
export function decodeDragonboatSessions(bytes: Uint8Array, maxCount: number): SessionManager {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const writtenMaxCount = view.getBigUint64(0, true);
    if (writtenMaxCount !== BigInt(maxCount)) {
      throw new ErrHardSettingsChanged(
        `the snapshot is of a group that keeps ${writtenMaxCount} client sessions, this host is set to ${maxCount}`,
      );
    }
    return readSessions(bytes, view, new SessionManager(maxCount));
  } catch (error) {
    if (error instanceof ErrHardSettingsChanged) throw error;
    throw new ErrSessionsCorrupt(`client sessions of Dragonboat: ${messageOf(error)}`, { cause: error });
  }
}

function readSessions(bytes: Uint8Array, view: DataView, sessions: SessionManager): SessionManager {
  const count = view.getBigUint64(8, true);
  let at = HEAD_BYTES;
  for (let i = 0n; i < count; i++) {
    const size = view.getBigUint64(at, true);
    if (size > BigInt(bytes.length - at - LENGTH_BYTES)) throw new Error('shorter than their own sizes say');
    const end = at + LENGTH_BYTES + Number(size);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + at + LENGTH_BYTES, Number(size)).toString();
    sessions.add(parseSession(text));
    at = end;
  }
  if (at !== bytes.length || BigInt(sessions.count) !== count) {
    throw new Error('their count does not match what is there');
  }
  return sessions;
}

import { ErrMalformed } from '../errors.js';
import { EMPTY_BYTES } from './entry.js';
import { encodeWith, readAddress, writeAddresses } from './snapshot-codec.js';
import {
  type Bootstrap,
  type ChecksumType,
  type ConfigChange,
  ConfigChangeType,
  type GroupSettings,
  type InitialSettings,
  type LostLog,
  type RaftDataStatus,
  type SessionRecord,
  type SnapshotHeader,
  type State,
} from './types.js';
import { Reader, fieldSet } from './wire/reader.js';
import type { Writer } from './wire/writer.js';

const STATE_FIELDS = fieldSet(1, 2, 3);
const BOOTSTRAP_FIELDS = fieldSet(1, 2);
/** Field 110, a varint: more than fits into a set of field numbers. */
const GROUP_ID_TAG = 0x370;
/** Field 111, a message. */
const INITIAL_SETTINGS_TAG = 0x37a;
const INITIAL_SETTINGS_FIELDS = fieldSet(1, 2, 3);
/** Field 112, a message. */
const LOST_TAG = 0x382;
const LOST_FIELDS = fieldSet(1, 2, 3);
const DATA_STATUS_FIELDS = fieldSet(1, 2, 3);
const CONFIG_CHANGE_FIELDS = fieldSet(1, 2, 3, 4, 5);
const HEADER_FIELDS = fieldSet(1, 2, 3, 4, 5, 6, 7, 8);
const SESSION_FIELDS = fieldSet(1, 2, 3, 4);
const LEVEL_FIELD = 100;
const LEVEL_TAG = 0x320;
const CONFIG_CHANGE_TYPES: ReadonlySet<number> = new Set(Object.values(ConfigChangeType));
const LARGEST_ENUM_VALUE = 0x7fff_ffff;
const FORCE_FIELD = 101;
const FORCE_TAG = 0x328;
const SETTINGS_FIELD = 102;
const SETTINGS_TAG = 0x332;
const SETTINGS_FIELDS = fieldSet(1, 2);
const MAX_SESSION_COUNT = 0xffff_ffff;
const LAST_CHECKSUM_TYPE = 1;

function writeState(writer: Writer, state: State): void {
  writer.uint(1, state.term);
  writer.uint(2, state.vote);
  writer.uint(3, state.commit);
}

export function encodeState(state: State): Uint8Array {
  return encodeWith(state, writeState);
}

export function decodeState(bytes: Uint8Array): State {
  const reader = new Reader(bytes);
  const state: State = { term: 0, vote: 0, commit: 0 };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) state.term = reader.uint();
    else if (tag === 0x10) state.vote = reader.uint();
    else if (tag === 0x18) state.commit = reader.uint();
    else reader.skip(tag, STATE_FIELDS);
  }
  return state;
}

function writeBootstrap(writer: Writer, bootstrap: Bootstrap): void {
  writeAddresses(writer, 1, bootstrap.addresses);
  writer.bool(2, bootstrap.join);
  if (bootstrap.groupID) writer.uint(110, bootstrap.groupID);
  if (bootstrap.settings !== undefined) writer.nested(111, bootstrap.settings, writeInitialSettings);
  if (bootstrap.lost !== undefined) writer.nested(112, bootstrap.lost, writeLost);
}

function writeLost(writer: Writer, { index, term, leaderID }: LostLog): void {
  writer.uint(1, index);
  writer.uint(2, term);
  writer.uint(3, leaderID);
}

function readLost(reader: Reader): LostLog {
  const outerEnd = reader.enter();
  const lost: LostLog = { index: 0, term: 0, leaderID: 0 };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) lost.index = reader.uint();
    else if (tag === 0x10) lost.term = reader.uint();
    else if (tag === 0x18) lost.leaderID = reader.uint();
    else reader.skip(tag, LOST_FIELDS);
  }
  reader.leave(outerEnd);
  if (lost.index === 0) throw new ErrMalformed('lost entries without an index');
  return lost;
}

function writeInitialSettings(writer: Writer, settings: InitialSettings): void {
  writeSettings(writer, settings);
  writer.bool(3, settings.isFinal);
}

function readInitialSettings(reader: Reader): InitialSettings {
  const outerEnd = reader.enter();
  const settings: InitialSettings = { orderedConfigChange: false, lruMaxSessionCount: 0, isFinal: false };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) settings.orderedConfigChange = reader.bool();
    else if (tag === 0x10) settings.lruMaxSessionCount = readSessionCount(reader);
    else if (tag === 0x18) settings.isFinal = reader.bool();
    else reader.skip(tag, INITIAL_SETTINGS_FIELDS);
  }
  reader.leave(outerEnd);
  if (settings.lruMaxSessionCount === 0) throw new ErrMalformed('initial settings without a session limit');
  return settings;
}

function writeSettings(writer: Writer, settings: Partial<GroupSettings>): void {
  const { orderedConfigChange, lruMaxSessionCount } = settings;
  if (orderedConfigChange !== undefined) writer.bool(1, orderedConfigChange);
  if (lruMaxSessionCount !== undefined) writer.uint(2, lruMaxSessionCount);
}

function readSettings(reader: Reader): Partial<GroupSettings> {
  const outerEnd = reader.enter();
  const settings: Partial<GroupSettings> = {};
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) settings.orderedConfigChange = reader.bool();
    else if (tag === 0x10) settings.lruMaxSessionCount = readSessionCount(reader);
    else reader.skip(tag, SETTINGS_FIELDS);
  }
  reader.leave(outerEnd);
  return settings;
}

function readSessionCount(reader: Reader): number {
  const count = reader.uint();
  if (count < 1 || count > MAX_SESSION_COUNT)
    throw new ErrMalformed(`a limit of ${count} client sessions; it is from 1 to ${MAX_SESSION_COUNT}`);
  return count;
}

export function encodeBootstrap(bootstrap: Bootstrap): Uint8Array {
  return encodeWith(bootstrap, writeBootstrap);
}

export function decodeBootstrap(bytes: Uint8Array): Bootstrap {
  const reader = new Reader(bytes);
  const bootstrap: Bootstrap = { addresses: new Map(), join: false };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) readAddress(reader, bootstrap.addresses);
    else if (tag === 0x10) bootstrap.join = reader.bool();
    else if (tag === GROUP_ID_TAG) bootstrap.groupID = reader.uint();
    else if (tag === INITIAL_SETTINGS_TAG) bootstrap.settings = readInitialSettings(reader);
    else if (tag === LOST_TAG) bootstrap.lost = readLost(reader);
    else reader.skip(tag, BOOTSTRAP_FIELDS);
  }
  return bootstrap;
}

function writeRaftDataStatus(writer: Writer, status: RaftDataStatus): void {
  writer.string(1, status.address);
  writer.uint(2, status.binVer);
  writer.uint64(3, status.hardHash);
}

export function encodeRaftDataStatus(status: RaftDataStatus): Uint8Array {
  return encodeWith(status, writeRaftDataStatus);
}

export function decodeRaftDataStatus(bytes: Uint8Array): RaftDataStatus {
  const reader = new Reader(bytes);
  const status: RaftDataStatus = { address: '', binVer: 0, hardHash: 0 };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) status.address = reader.string();
    else if (tag === 0x10) status.binVer = reader.uint32();
    else if (tag === 0x18) status.hardHash = reader.uint64();
    else reader.skip(tag, DATA_STATUS_FIELDS);
  }
  return status;
}

function writeConfigChange(writer: Writer, change: ConfigChange): void {
  writer.uint(1, change.configChangeID);
  writer.uint(2, change.type);
  writer.uint(3, change.nodeID);
  writer.string(4, change.address);
  writer.bool(5, change.initialize);
  if (change.level !== undefined && change.level !== 0) writer.uint(LEVEL_FIELD, change.level);
  if (change.force === true) writer.bool(FORCE_FIELD, true);
  if (change.settings !== undefined) writer.nested(SETTINGS_FIELD, change.settings, writeSettings);
}

export function encodeConfigChange(change: ConfigChange): Uint8Array {
  return encodeWith(change, writeConfigChange);
}

export function decodeConfigChange(bytes: Uint8Array): ConfigChange {
  const reader = new Reader(bytes);
  const change: ConfigChange = { configChangeID: 0, type: 0, nodeID: 0, address: '', initialize: false };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) change.configChangeID = reader.uint();
    else if (tag === 0x10) change.type = readChangeType(reader);
    else if (tag === 0x18) change.nodeID = reader.uint();
    else if (tag === 0x22) change.address = reader.string();
    else if (tag === 0x28) change.initialize = reader.bool();
    else if (tag === LEVEL_TAG) change.level = reader.uint();
    else if (tag === FORCE_TAG) change.force = reader.bool();
    else if (tag === SETTINGS_TAG) change.settings = readSettings(reader);
    else reader.skip(tag, CONFIG_CHANGE_FIELDS);
  }
  checkSettings(change);
  return change;
}

/** What raises the level says by which settings entries are applied from then on: all of them. */
function checkSettings({ type, settings }: ConfigChange): void {
  if (type !== ConfigChangeType.RaiseLevel && type !== ConfigChangeType.SetSettings) return;
  const isAll = settings?.orderedConfigChange !== undefined && settings.lruMaxSessionCount !== undefined;
  if (settings === undefined || (type === ConfigChangeType.RaiseLevel && !isAll))
    throw new ErrMalformed(`config change of type ${type} without the settings of its group`);
}

function readChangeType(reader: Reader): ConfigChangeType {
  const type = reader.enumValue(LARGEST_ENUM_VALUE);
  if (!CONFIG_CHANGE_TYPES.has(type))
    throw new ErrMalformed(`config change of type ${type}, which is not known`);
  return type as ConfigChangeType;
}

function writeSnapshotHeader(writer: Writer, header: SnapshotHeader): void {
  writer.uint(1, header.sessionSize);
  writer.uint(2, header.dataStoreSize);
  writer.uint64(3, header.unreliableTime);
  writer.string(4, header.gitVersion);
  writer.optionalBytes(5, header.headerChecksum);
  writer.optionalBytes(6, header.payloadChecksum);
  writer.uint(7, header.checksumType);
  writer.uint(8, header.version);
}

export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  return encodeWith(header, writeSnapshotHeader);
}

export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotHeader {
  const reader = new Reader(bytes);
  const header: SnapshotHeader = {
    sessionSize: 0,
    dataStoreSize: 0,
    unreliableTime: 0,
    gitVersion: '',
    headerChecksum: EMPTY_BYTES,
    payloadChecksum: EMPTY_BYTES,
    checksumType: 0,
    version: 0,
  };
  while (reader.pos < reader.end) readHeaderField(reader, reader.tag(), header);
  return header;
}

function readHeaderField(reader: Reader, tag: number, header: SnapshotHeader): void {
  switch (tag) {
    case 0x08:
      header.sessionSize = reader.uint();
      return;
    case 0x10:
      header.dataStoreSize = reader.uint();
      return;
    case 0x18:
      header.unreliableTime = reader.uint64();
      return;
    case 0x22:
      header.gitVersion = reader.string();
      return;
    case 0x2a:
      header.headerChecksum = reader.bytes();
      return;
    case 0x32:
      header.payloadChecksum = reader.bytes();
      return;
    case 0x38:
      header.checksumType = reader.enumValue(LAST_CHECKSUM_TYPE) as ChecksumType;
      return;
    case 0x40:
      header.version = reader.uint();
      return;
    default:
      reader.skip(tag, HEADER_FIELDS);
  }
}

function writeSessionRecord(writer: Writer, session: SessionRecord): void {
  writer.uint(1, session.clusterID);
  writer.uint64(2, session.clientID);
  writer.uint64(3, session.seriesID);
  writer.uint64(4, session.respondedTo);
}

export function encodeSessionRecord(session: SessionRecord): Uint8Array {
  return encodeWith(session, writeSessionRecord);
}

export function decodeSessionRecord(bytes: Uint8Array): SessionRecord {
  const reader = new Reader(bytes);
  const session: SessionRecord = { clusterID: 0, clientID: 0, seriesID: 0, respondedTo: 0 };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) session.clusterID = reader.uint();
    else if (tag === 0x10) session.clientID = reader.uint64();
    else if (tag === 0x18) session.seriesID = reader.uint64();
    else if (tag === 0x20) session.respondedTo = reader.uint64();
    else reader.skip(tag, SESSION_FIELDS);
  }
  return session;
}

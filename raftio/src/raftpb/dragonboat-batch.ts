import { ErrMalformed, isDrakkarError } from '../errors.js';
import { type Entry, EntryType } from './entry.js';
import { decodeMessageBatch, encodeMessageBatch } from './message-codec.js';
import { decodeConfigChange } from './record-codec.js';
import { ConfigChangeType, type Message, type MessageBatch, MessageType } from './types.js';

/*
 * Message batches to and from a host of Dragonboat v2.1.7. Entries are colfer there, protobuf in our logs and between
 * our own hosts, so an entry is encoded for such a peer each time that it is sent to one.
 */

/** Message types by which a host of v2.1.7 may be spoken to; at any other one its process may end. */
const TYPES_TO_DRAGONBOAT: ReadonlySet<MessageType> = new Set<MessageType>([
  MessageType.NoOP,
  MessageType.Ping,
  MessageType.Pong,
  MessageType.Propose,
  MessageType.Replicate,
  MessageType.ReplicateResp,
  MessageType.RequestVote,
  MessageType.RequestVoteResp,
  MessageType.Heartbeat,
  MessageType.HeartbeatResp,
  MessageType.ReadIndex,
  MessageType.ReadIndexResp,
  MessageType.Quiesce,
  MessageType.SnapshotReceived,
  MessageType.LeaderTransfer,
  MessageType.TimeoutNow,
]);

const LAST_DRAGONBOAT_TYPE = MessageType.TimeoutNow;
const LARGEST_PORT = 65_535;

/**
 * Whether Dragonboat v2.1.7 can parse a raft address: `host:port` with exactly one colon, neither part empty. Its
 * process ends at any other one, at each start, once a change of the membership with such an address is in the log.
 */
export function isDragonboatAddress(address: string): boolean {
  const parts = address.trim().split(':');
  const [host = '', port = ''] = parts;
  return parts.length === 2 && host !== '' && /^\d{1,5}$/.test(port) && Number(port) <= LARGEST_PORT;
}

/** Why a host of v2.1.7 could not apply this entry, if it could not. */
function entryFault(entry: Entry): string | undefined {
  if (entry.type === EntryType.ApplicationEntry) return undefined;
  if (entry.type !== EntryType.ConfigChangeEntry) return `an entry of type ${entry.type}`;
  try {
    const { type, address } = decodeConfigChange(entry.cmd);
    if (type > ConfigChangeType.AddObserver) return `a config change of type ${type}`;
    if (type === ConfigChangeType.RemoveNode || isDragonboatAddress(address)) return undefined;
    return `a config change with the address ${JSON.stringify(address)}`;
  } catch (error) {
    if (!isDrakkarError(error)) throw error;
    return `a config change that can't be read: ${error.message}`;
  }
}

/** Why `message` must not be sent to a host of v2.1.7, if it must not. */
export function dragonboatFault(message: Message): string | undefined {
  const { type, entries } = message;
  if (!TYPES_TO_DRAGONBOAT.has(type)) return `a message of type ${type}`;
  // It knows no refusal, and would take one for a confirmation.
  if (type === MessageType.ReadIndexResp && message.reject) return 'a refusal of reads';
  if (message.from === 0) return 'a message of no sender';
  for (const entry of entries) {
    const fault = entryFault(entry);
    if (fault !== undefined) return `${fault}, index ${entry.index}`;
  }
  return undefined;
}

/** Called for each message that is not sent, since the process of a host of v2.1.7 could end at it. */
export type OnWithheld = (message: Message, fault: string) => void;

/** Without what version 2.1.7 never writes: fields from 100 up. */
function asDragonboat(message: Message): Message {
  return message.groupID === 0 && message.settings === 0 ? message : { ...message, groupID: 0, settings: 0 };
}

/**
 * The bytes of `batch` for a host of Dragonboat v2.1.7; `undefined` when nothing of it is left to be sent. Entries are
 * written in colfer, and keep the bytes that they carry.
 */
export function encodeDragonboatBatch(batch: MessageBatch, onWithheld: OnWithheld): Uint8Array | undefined {
  const requests: Message[] = [];
  for (const message of batch.requests) {
    const fault = dragonboatFault(message);
    if (fault === undefined) requests.push(asDragonboat(message));
    else onWithheld(message, fault);
  }
  if (requests.length === 0) return undefined;
  const { deploymentID, sourceAddress, binVer } = batch;
  return encodeMessageBatch({ requests, deploymentID, sourceAddress, binVer }, 'colfer');
}

/**
 * A batch that came from a host of Dragonboat v2.1.7. Entries are kept in memory as in `decodeMessageBatch`. Throws
 * ErrMalformed or ErrUnsafeInteger, also at a message type that v2.1.7 does not have.
 */
export function decodeDragonboatBatch(bytes: Uint8Array): MessageBatch {
  const { requests, deploymentID, sourceAddress, binVer } = decodeMessageBatch(bytes, 'colfer');
  for (const message of requests) {
    if (message.type > LAST_DRAGONBOAT_TYPE)
      throw new ErrMalformed(`a message of type ${message.type}, of at most ${LAST_DRAGONBOAT_TYPE}`);
    message.groupID = 0;
    message.settings = 0;
  }
  return { requests, deploymentID, sourceAddress, binVer, isDragonboat: true };
}

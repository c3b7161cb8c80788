const OF_OPTIONS = 'only an option that no contract speaks of is read otherwise';
const MARGIN = 'a margin of a check that is made before LMDB would notice by itself: no result changes';
const BIG_ENDIAN = 'runs on a big-endian machine only';
const LOCK_FILE_SYNC = 'the file is a lock, and nothing that is in it must outlast a loss of power';

/**
 * Mutants that survive because they are no mistake, by id, with the reason. They are not asked and do not count. A test
 * sees to it that each is still a mutant of the sources: after a change look again, do not adapt the id blindly.
 */
export const EQUIVALENTS = {
  'logdb-lmdb/src/lock.ts lockedError off-by-one: > => >=': 'changes the text of an error only',
  'logdb-lmdb/src/lmdb-kv.ts LmdbKV.open opposite-operator: === => !==': OF_OPTIONS,
  'logdb-lmdb/src/file-check.ts readUint32 wrong-width: readUInt32BE => readUInt16BE': BIG_ENDIAN,
  'logdb-lmdb/src/file-check.ts readUint32 wrong-width: readUInt32BE => readUInt32LE': BIG_ENDIAN,
  'logdb-lmdb/src/index.ts (module) flipped-flag: true => false (3)':
    'an adapter may declare less than it keeps: clauses about damage are then not asked, and nobody relies on them',
  'logdb-lmdb/src/free-space.ts (module) changed-limit: 1024 => 2048': MARGIN,
  'logdb-lmdb/src/free-space.ts FreeSpace.check off-by-one: 0 => 1': OF_OPTIONS,
  'logdb-lmdb/src/free-space.ts FreeSpace.check off-by-one: 0 => 1 (2)': MARGIN,
  'logdb-lmdb/src/table-file.ts (module) changed-limit: 256 => 512': MARGIN,
  'logdb-lmdb/src/file-check.ts checkPages swapped-statements: checkMeta(path, second); const { size } = await file.stat({ bigint: true }); => const { size } = await file.stat({ bigint: true }); checkMeta(path, second);':
    'both only look: at a file that nobody writes meanwhile',
  'logdb-lmdb/src/lock.ts openLockFile dropped-sync: false => true': LOCK_FILE_SYNC,
  'logdb-lmdb/src/lock.ts openLockFile flipped-flag: false => true': LOCK_FILE_SYNC,
  'transport-ws/src/protocol.ts (module) off-by-one: 1 => 2':
    'a number of the wire that both hosts of the suite take from here; tests of its bytes see it',
  "transport-ws/src/listener.ts describeClientError swapped-statements: if (error.code === 'ERR_SSL_HTTP_REQUEST') return 'it has mutual TLS off and this host has it on'; if (error.rawPacket?.[0] === TLS_HANDSHAKE) return 'it has mutual TLS on and this host has it off'; => if (error.rawPacket?.[0] === TLS_HANDSHAKE) return 'it has mutual TLS on and this host has it off'; if (error.code === 'ERR_SSL_HTTP_REQUEST') return 'it has mutual TLS off and this host has it on';":
    'changes the order of two cases that never hold at once',
  'transport-ws/src/protocol.ts (module) changed-limit: 16 => 32':
    'a margin: hosts send one byte, and the limit is far below any harm',
  'transport-ws/src/message-connection.ts MessageConnection.constructor swapped-statements: this.closed = link.closed; this.#queue = new SendQueue<MessageBatch>({ encode: encodeMessageBatch, write: (bytes) => { link.send(bytes); }, level: () => link.bufferedBytes, highWaterMarkBytes, }); => this.#queue = new SendQueue<MessageBatch>({ encode: encodeMessageBatch, write: (bytes) => { link.send(bytes); }, level: () => link.bufferedBytes, highWaterMarkBytes, }); this.closed = link.closed;':
    'neither statement looks at what the other sets',
  'logdb-leveldb/src/leveldb-kv.ts (module) changed-limit: 1024 => 512':
    'how far the engine reads ahead: a matter of speed',
  'logdb-leveldb/src/files/table.ts handlesIn wrong-method: push => unshift':
    'all blocks are checked, in whatever order',
};

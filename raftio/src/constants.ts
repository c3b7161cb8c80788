/** Format version of the wire and of the data directory. */
export const BIN_VER = 210;
/** Deployment id where no master manages the deployment and none is configured. */
export const UNMANAGED_DEPLOYMENT_ID = 1;
export const SNAPSHOT_CHUNK_SIZE_BYTES = 2 * 1024 * 1024;
export const MAX_PROPOSAL_PAYLOAD_BYTES = 32 * 1024 * 1024;
/** Largest encoded MessageBatch or SnapshotChunk that a transport carries. */
export const MAX_MESSAGE_BYTES = 66 * 1024 * 1024;
export const SNAPSHOT_HEADER_BLOCK_BYTES = 1024;

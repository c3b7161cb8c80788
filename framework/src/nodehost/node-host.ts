import {
  ErrLogDBClosed,
  type ILogDB,
  MAX_PROPOSAL_PAYLOAD_BYTES,
  type Membership,
  type Message,
  type Uint64,
  makeEntry,
} from '@drakkar/raftio';
import type { Session } from '../client/session.js';
import { newNoOPSession, newSession } from '../client/session.js';
import { type ClusterConfig, type NodeHostConfig, validateClusterConfig } from '../config/index.js';
import { type DataDir } from '../datadir/index.js';
import type { HostServices } from '../di/index.js';
import { Engine } from '../engine/engine.js';
import type { Replica } from '../engine/replica.js';
import {
  ErrClosed,
  ErrClusterAlreadyExist,
  ErrClusterNotFound,
  ErrClusterNotInitialized,
  ErrInvalidOperation,
  ErrInvalidSession,
  ErrPayloadTooBig,
  ErrReplicaFailed,
  ErrSystemBusy,
} from '../errors/index.js';

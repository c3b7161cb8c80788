import { mutualTLSTests } from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';

mutualTLSTests(createGrpcRaftRPC);

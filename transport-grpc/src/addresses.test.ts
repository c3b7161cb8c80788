import { addressFamilyTests } from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';

addressFamilyTests(createGrpcRaftRPC);

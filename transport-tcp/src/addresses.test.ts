import { addressFamilyTests } from '@drakkar/raftio/transport/testing';
import { createTcpRaftRPC } from './index.js';

addressFamilyTests(createTcpRaftRPC);

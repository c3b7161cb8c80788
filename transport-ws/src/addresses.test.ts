import { addressFamilyTests } from '@drakkar/raftio/transport/testing';
import { createWsRaftRPC } from './index.js';

addressFamilyTests(createWsRaftRPC);

import { GUEST_OPTIONS, guestTests } from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';

guestTests(createGrpcRaftRPC, GUEST_OPTIONS);

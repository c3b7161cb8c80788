import { GUEST_OPTIONS, guestTests } from '@drakkar/raftio/transport/testing';
import { createTcpRaftRPC } from './index.js';

guestTests(createTcpRaftRPC, GUEST_OPTIONS);

import { GUEST_OPTIONS, guestTests } from '@drakkar/raftio/transport/testing';
import { createWsRaftRPC } from './index.js';

guestTests(createWsRaftRPC, GUEST_OPTIONS);

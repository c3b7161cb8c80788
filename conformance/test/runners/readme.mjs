import { describe, it } from 'node:test';
import { harnessFromModule, logDBSuite } from '@drakkar/conformance';

const { harness } = await harnessFromModule('@drakkar/logdb-lmdb');
logDBSuite({ describe, it }, harness);

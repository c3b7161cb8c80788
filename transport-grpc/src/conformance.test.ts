import { afterAll, describe, it } from '@jest/globals';
import { rpcSuite } from '@drakkar/conformance';
import { CertificateFolder, TestCA, freePort } from '@drakkar/raftio/transport/testing';
import { adapterModule, createGrpcRaftRPC } from './index.js';

const folder = await CertificateFolder.create();
const [ours, theirs] = [await TestCA.create('deployment'), await TestCA.create('another deployment')];
const tls = {
  good: [
    await folder.write(ours.pem, await ours.issue()),
    await folder.write(ours.pem, await ours.issue()),
  ] as const,
  foreign: await folder.write(`${theirs.pem}\n${ours.pem}`, await theirs.issue()),
};

afterAll(async () => {
  await folder.remove();
});

rpcSuite(
  { describe, it },
  {
    name: adapterModule.name,
    capabilities: adapterModule.capabilities,
    setup: async () => ({
      create: createGrpcRaftRPC,
      newAddress: async () => `127.0.0.1:${await freePort()}`,
      teardown: () => Promise.resolve(),
      tls,
    }),
  },
);

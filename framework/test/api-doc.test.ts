import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as framework from '@drakkar/framework';
import * as raftio from '@drakkar/raftio';
import { type Row, readTables } from './api-tables.js';
import { PublicNames } from './public-names.js';

const root = join(import.meta.dirname, '..', '..');
const { mapped, beyond } = readTables(readFileSync(join(root, 'docs', 'api.md'), 'utf8'));
const names = new PublicNames(root, ['framework/src/index.ts', 'raftio/src/index.ts']);
const ours = new Set([...mapped, ...beyond].flatMap((row) => row.ours));

/** Types whose every public member must be in a table too. */
const WHOLE_TYPES = [
  'NodeHost',
  'Group',
  'GroupMembers',
  'GroupSession',
  'INodeUser',
  'RequestState',
  'RequestResult',
  'ClusterMembership',
  'Session',
  'ClusterConfig',
  'NodeHostConfig',
  'IStateMachine',
  'ISnapshotFileCollection',
  'ILogDB',
  'IRaftRPC',
  'IConnection',
  'ISnapshotConnection',
  'IChunkSink',
];

describe('docs/api.md', () => {
  it('has the tables that it is known for', () => {
    expect(mapped.length).toBeGreaterThan(180);
    expect(beyond.length).toBeGreaterThan(20);
  });

  it('names no Go name twice', () => {
    const keys = mapped.map((row) => `${row.section} ${row.go}`);
    expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  });

  it('gives each Go name a name of ours, or says why there is none', () => {
    const silent = (row: Row): boolean =>
      row.ours.length === 0 && !/^(Not yet|No counterpart): \S+/.test(row.remark);
    expect(mapped.filter(silent).map((row) => row.go)).toEqual([]);
    const both = (row: Row): boolean => row.ours.length > 0 && /^(Not yet|No counterpart)/.test(row.remark);
    expect(mapped.filter(both).map((row) => row.go)).toEqual([]);
    expect(beyond.filter((row) => row.ours.length === 0 || row.remark === '')).toEqual([]);
  });

  it('claims nothing that does not exist', () => {
    expect([...ours].filter((name) => !names.has(name))).toEqual([]);
    expect(
      [...ours].filter((name) => names.isValue(name) && !(name in framework) && !(name in raftio)),
    ).toEqual([]);
  });

  it('leaves out no export', () => {
    expect(names.exports().filter((name) => !ours.has(name))).toEqual([]);
    const values = [...Object.keys(framework), ...Object.keys(raftio)];
    expect(values.filter((name) => !ours.has(name))).toEqual([]);
  });

  it('leaves no type of a public declaration without a name that can be imported', () => {
    expect(names.unnameable()).toEqual([]);
  });

  it('leaves out no method of NodeHost', () => {
    const { NodeHost } = framework;
    const statics = Object.getOwnPropertyNames(NodeHost).filter(
      (name) => typeof NodeHost[name as 'create'] === 'function',
    );
    const methods = Object.getOwnPropertyNames(NodeHost.prototype).filter((name) => name !== 'constructor');
    expect(statics).toContain('create');
    expect([...statics, ...methods].filter((name) => !ours.has(`NodeHost.${name}`))).toEqual([]);
  });

  it.each(WHOLE_TYPES)('leaves out no public member of %s', (type) => {
    const members = names.members(type);
    expect(members.length).toBeGreaterThan(0);
    expect(members.filter((member) => !ours.has(`${type}.${member}`))).toEqual([]);
  });
});

import { ErrLogDBCorrupt, type NodeInfo } from '@drakkar/raftio';
import type { Verdict } from '../format/classify.js';
import { FRAME_HEADER_BYTES, readFrameHeader } from '../format/frame.js';
import { OP_HEADER_BYTES, opSeedOf, readOp } from '../format/ops.js';
import { getUint64, viewOf } from '../format/integers.js';
import type { SegmentHeader } from '../format/segment-header.js';
import type { ReplicaMap } from '../index/replica.js';

export function corruptFile(file: string, problem: string): ErrLogDBCorrupt {
  return new ErrLogDBCorrupt(`${file}: ${problem}`, { details: { file } });
}

interface Damage {
  path: string;
  header: SegmentHeader;
  bytes: Uint8Array;
  verdict: Verdict;
  replicas: ReplicaMap;
}

/** Says what is damaged, whose it is as far as that can be read, and how it is known. */
export function damageReport({ path, header, bytes, verdict, replicas }: Damage): ErrLogDBCorrupt {
  const { offset, seq, proof = '' } = verdict;
  const owner = ownerOfDamage(bytes, header, offset);
  const known = owner !== undefined && replicas.find(owner) !== undefined ? owner : undefined;
  const whose = known === undefined ? '' : ` of group ${known.clusterID}, node ${known.nodeID}`;
  return new ErrLogDBCorrupt(
    `${path}: frame ${seq}${whose} at byte ${offset} is damaged, and it was durable: ${proof}; ` +
      'restore nothing older: remove the replicas of this host from their groups and add them with new node ids',
    { details: { file: path, offset, seq, ...known } },
  );
}

/** The replica that the first damaged op of a frame names, when the frame's header is as it was written. */
function ownerOfDamage(bytes: Uint8Array, header: SegmentHeader, offset: number): NodeInfo | undefined {
  const frame = readFrameHeader(bytes, offset, header);
  if (frame === undefined) return undefined;
  const seed = opSeedOf(header);
  const end = Math.min(bytes.length, offset + FRAME_HEADER_BYTES + frame.payloadBytes);
  for (let at = offset + FRAME_HEADER_BYTES; at + OP_HEADER_BYTES <= end;) {
    const op = readOp(bytes.subarray(0, end), at, { seed, fileOffset: at });
    if (op === undefined) {
      const view = viewOf(bytes.subarray(at, at + OP_HEADER_BYTES));
      return { clusterID: getUint64(view, 16), nodeID: getUint64(view, 24) };
    }
    at += OP_HEADER_BYTES + op.body.length;
  }
  return undefined;
}

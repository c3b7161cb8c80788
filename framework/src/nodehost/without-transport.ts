import { RaftRPCFactoryID } from '@drakkar/raftio';
import type { Overrides } from '../di/build-container.js';

/** No transport is needed for data at rest, not even installed. */
export function withoutTransport(overrides?: Overrides): Overrides {
  return (container) => {
    if (typeof overrides === 'function') overrides(container);
    else if (overrides !== undefined) container.load(overrides);
    if (container.isBound(RaftRPCFactoryID)) return;
    container.bind(RaftRPCFactoryID).toConstantValue(() => {
      throw new Error('data at rest has no transport');
    });
  };
}

import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { IncomingStream, type StreamHost } from './incoming-stream.js';

describe('IncomingStream', () => {
  it('closes the receiver of a call that was cancelled before it began, of which the library says nothing', () => {
    const call = { start: () => undefined } as unknown as ServerInterceptingCallInterface;
    let [closes, ends] = [0, 0];
    const receiver = {
      introduced: () => undefined,
      receive: () => undefined,
      close: () => (closes += 1),
    };
    new IncomingStream(call, receiver, () => (ends += 1)).start({} as StreamHost);
    expect([closes, ends]).toEqual([1, 1]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { FrameReader, FrameType, makeFrame, readUint32, writeUint32 } from './frames.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';

const patterned = (sizeBytes: number): Uint8Array =>
  Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

describe('a frame reader', () => {
  const frames = [
    makeFrame(FrameType.Ping),
    makeFrame(FrameType.More, patterned(300)),
    makeFrame(FrameType.Credit, patterned(4)),
    makeFrame(FrameType.Begin, patterned(1000)),
  ];
  const all = new Uint8Array(Buffer.concat(frames));

  it('puts frames together from pieces of any size', () => {
    for (const pieceBytes of [1, 2, 3, 5, 7, 64, 305, 4000]) {
      const reader = new FrameReader();
      const got: [number, number[]][] = [];
      for (let at = 0; at < all.length; at += pieceBytes) {
        reader.read(
          all.subarray(at, at + pieceBytes),
          (type, payload) => got.push([type, [...payload]]),
          () => true,
        );
      }
      expect(got).toEqual(frames.map((frame) => [frame[0], [...frame.subarray(5)]]));
    }
  });

  it('gives nothing more once it is stopped', () => {
    const got: number[] = [];
    new FrameReader().read(
      all,
      (type) => got.push(type),
      () => got.length < 2,
    );
    expect(got).toEqual([FrameType.Ping, FrameType.More]);
  });

  it('refuses a type or a length that can not be, before the payload', () => {
    const read = (bytes: number[]): void => {
      new FrameReader().read(
        Uint8Array.from(bytes),
        () => undefined,
        () => true,
      );
    };
    expect(() => {
      read([0, 0, 0, 0, 0]);
    }).toThrow(/type 0/);
    expect(() => {
      read([12, 0, 0, 0, 0]);
    }).toThrow(/type 12/);
    expect(() => {
      read([FrameType.More, 0, 2, 0, 0]);
    }).toThrow(/131072 bytes/);
  });
});

/** An outbox whose frames go to an inbox, with credit back, at once or when `deliver` is called. */
function wire(
  windowBytes: number,
  creditStepBytes: number,
): {
  outbox: Outbox;
  inbox: Inbox;
  messages: { bytes: Uint8Array; heldBytes: number }[];
  credits: number[];
  sent: () => number;
  deliver: () => void;
} {
  const frames: Uint8Array[] = [];
  const messages: { bytes: Uint8Array; heldBytes: number }[] = [];
  const credits: number[] = [];
  let sentBytes = 0;
  const outbox = new Outbox(windowBytes, (frame) => {
    frames.push(frame);
    sentBytes += frame.length;
  });
  const inbox = new Inbox({
    windowBytes,
    creditStepBytes,
    sendCredit: (payload) => credits.push(readUint32(payload)),
    onMessage: (bytes, heldBytes) => messages.push({ bytes, heldBytes }),
  });
  const deliver = (): void => {
    while (frames.length > 0 || credits.length > 0) {
      for (const frame of frames.splice(0)) {
        const type = frame[0] as typeof FrameType.Begin | typeof FrameType.More;
        inbox.receive(type, frame.subarray(5));
      }
      for (const credit of credits.splice(0)) expect(outbox.credit(credit)).toBe(true);
    }
  };
  return { outbox, inbox, messages, credits, sent: () => sentBytes, deliver };
}

const WINDOW_BYTES = 64 * 1024;

describe('credit', () => {
  it('bounds what is sent to a peer that gives none', () => {
    const { outbox, sent } = wire(WINDOW_BYTES, 1024);
    for (let count = 0; count < 50; count++) outbox.push(patterned(10_000));
    expect(sent()).toBeLessThanOrEqual(WINDOW_BYTES);
    expect(sent()).toBeGreaterThan(WINDOW_BYTES - 2048);
    expect(outbox.outstandingBytes).toBeGreaterThanOrEqual(500_000);
  });

  it('carries messages of any size over a window of few bytes, in order', () => {
    const { outbox, messages, deliver } = wire(WINDOW_BYTES, WINDOW_BYTES / 4);
    const sizes = [0, 1, 1023, 1024, 1025, 65_535, 65_536, 65_537, 1_000_000, 3];
    for (const size of sizes) outbox.push(patterned(size));
    deliver();
    expect(messages.map(({ bytes }) => bytes.length)).toEqual(sizes);
    for (const { bytes } of messages) expect(Buffer.compare(bytes, patterned(bytes.length))).toBe(0);
    expect(outbox.outstandingBytes).toBeLessThan(WINDOW_BYTES / 4);
  });

  it('takes no memory for what a message announces before it comes', () => {
    const before = process.memoryUsage().arrayBuffers;
    const open = Array.from({ length: 8 }, () => {
      const { inbox } = wire(WINDOW_BYTES, 1024);
      const begin = new Uint8Array(4 + 1000);
      writeUint32(begin, 0, 60 * 1024 * 1024);
      inbox.receive(FrameType.Begin, begin);
      return inbox;
    });
    expect(open.every(({ isMidway }) => isMidway)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  it('is held back while the receiver holds messages, and given for those that it releases', () => {
    const { outbox, inbox, messages, deliver, sent } = wire(WINDOW_BYTES, 1024);
    inbox.hold(true);
    for (let count = 0; count < 20; count++) outbox.push(patterned(10_000));
    deliver();
    expect(messages.length).toBe(6);
    const before = sent();
    inbox.release(messages[0]?.heldBytes ?? 0);
    deliver();
    expect(sent() - before).toBeGreaterThan(9000);
    expect(sent() - before).toBeLessThanOrEqual(10_100);
    for (let taken = 1; taken < messages.length; taken++) inbox.release(messages[taken]?.heldBytes ?? 0);
    inbox.hold(false);
    deliver();
    expect(messages.length).toBe(20);
  });

  it('lets a message through that is longer than the window, though it is not whole yet, when nothing is held', () => {
    const { outbox, inbox, messages, deliver } = wire(WINDOW_BYTES, 1024);
    inbox.hold(true);
    outbox.push(patterned(3 * WINDOW_BYTES));
    deliver();
    expect(messages.length).toBe(0);
    inbox.hold(false);
    deliver();
    expect(messages.length).toBe(1);
  });

  it('is not believed for what was not sent', () => {
    const { outbox } = wire(WINDOW_BYTES, 1024);
    outbox.push(patterned(100));
    expect(outbox.credit(200)).toBe(false);
    expect(outbox.credit(109)).toBe(true);
  });

  it('is given in steps that leave a sender with a low mark no reason to wait', () => {
    const { outbox, messages, deliver } = wire(WINDOW_BYTES, 256);
    for (let count = 0; count < 10; count++) {
      outbox.push(patterned(100));
      deliver();
    }
    expect(messages.length).toBe(10);
    expect(outbox.outstandingBytes).toBeLessThan(256);
  });

  it('counts the end behind all that was sent', () => {
    const frames: number[] = [];
    const outbox = new Outbox(WINDOW_BYTES, (frame) => frames.push(frame[0] ?? 0));
    outbox.push(patterned(WINDOW_BYTES));
    outbox.pushEnd();
    expect(frames).not.toContain(FrameType.End);
    outbox.credit(WINDOW_BYTES - 2048);
    expect(frames.at(-1)).toBe(FrameType.End);
  });
});

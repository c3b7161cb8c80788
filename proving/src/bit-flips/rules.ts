import type { Place, Protocol, Region } from './regions.js';

/*
 * Flips of which nothing may come: bits to which their protocol gives no meaning, or one that is only of pace. What else
 * is left open by a flip is a fault.
 */

const HTTP2_HEADER_BYTES = 9;
const FRAME_TYPE_AT = 3;
const FLAGS_AT = 4;
const STREAM_AT = 5;
const DATA = 0;
const SETTINGS = 4;
const PING = 6;
const WINDOW_UPDATE = 8;
/** Of the frames that hosts send, by type (RFC 9113, section 6). What has a meaning there ends a frame or a stream. */
const FLAGS: Readonly<Record<number, number>> = { [DATA]: 0x09, 1: 0x2d, [SETTINGS]: 0x01, [PING]: 0x01 };
/** Of RFC 9113, section 6. */
const KNOWN_TYPES: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

const WS_HEADER_BYTES = 2;
const WS_MASK_BYTES = 4;
const WS_LENGTH_BITS = 0x7f;
/** In place of a length: two or more bytes of it follow. */
const WS_LONG_LENGTH = 126;
const WS_LENGTH_BYTES = 2;

function http2Rule({ header, at }: Place, bit: number): string | undefined {
  const type = header[FRAME_TYPE_AT] ?? 0;
  const mask = 1 << bit;
  // Messages are numbered: one that is skipped is missing.
  if (at === FRAME_TYPE_AT && type !== DATA && !KNOWN_TYPES.has(type ^ mask))
    return 'a frame of an unknown type is skipped, with what it carries (RFC 9113, 4.1)';
  if (at === FLAGS_AT && ((FLAGS[type] ?? 0) & mask) === 0)
    return 'a flag that a type of frames does not have is ignored (RFC 9113, 4.1)';
  if (at === STREAM_AT && bit === 7) return 'a reserved bit is ignored (RFC 9113, 4.1)';
  if (at === undefined) return undefined;
  // Of the connection or of its one stream: too small a window is found when messages have waited for long enough.
  if (type === WINDOW_UPDATE && at >= STREAM_AT)
    return 'whose window grows, and by how much, is a matter of pace (RFC 9113, 6.9)';
  if (at < HTTP2_HEADER_BYTES) return undefined;
  if (type === PING) return 'what a PING says is opaque (RFC 9113, 6.7)';
  if (type === SETTINGS)
    return 'an unknown setting is ignored, and others are of pace and bounds (RFC 9113, 6.5)';
  return undefined;
}

function wsRule({ header, at }: Place): string | undefined {
  if (at === undefined || at < WS_HEADER_BYTES || at >= WS_HEADER_BYTES + WS_MASK_BYTES) return undefined;
  const length = (header[1] ?? 0) & WS_LENGTH_BITS;
  if (length === 0) return 'the mask of a frame without a payload masks nothing (RFC 6455, 5.3)';
  if (length < WS_LONG_LENGTH || at >= WS_HEADER_BYTES + WS_LENGTH_BYTES) return undefined;
  return 'a frame that is announced longer than it is takes what follows for its rest, until so much has come';
}

/** Why nothing need come of the flip of a bit; undefined: something must. */
export function ruleFor(
  protocol: Protocol,
  { region, place, bit }: { region: Region; place: Place; bit: number },
): string | undefined {
  if (protocol !== 'grpc' && protocol !== 'ws') return undefined;
  if (region === 'handshake') return 'text of an HTTP header that neither side reads';
  if (region === 'content') return undefined;
  return protocol === 'grpc' ? http2Rule(place, bit) : wsRule(place);
}

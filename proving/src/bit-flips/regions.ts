/** What a byte on the wire belongs to. `content`: an encoded batch or chunk. */
export type Region = 'handshake' | 'framing' | 'content';

/** Follows one direction of a connection; says of each byte, in order, what it belongs to. */
export interface RegionReader {
  next(byte: number): Region;
  /** Where the byte lies that was read last. */
  readonly place: Place;
}

/** A place in a frame; before all frames, in a handshake that has none, both are empty. */
export interface Place {
  /** The header of the frame, as far as it has come. */
  header: readonly number[];
  /** Offset in the frame. */
  at: number | undefined;
}

export type Direction = 'to-host' | 'to-client';
export type Protocol = 'ws' | 'grpc' | 'tcp' | 'example-tcp';

/** Frames of a header and a payload, after some opening bytes. */
abstract class FramedReader implements RegionReader {
  protected header: number[] = [];
  /** Bytes read of the frame. */
  #size = 0;
  #payloadLeft = 0;
  #region: Region = 'framing';

  get place(): Place {
    return { header: [...this.header], at: this.#size === 0 ? undefined : this.#size - 1 };
  }

  next(byte: number): Region {
    if (this.#payloadLeft > 0) {
      this.#payloadLeft -= 1;
      this.#size += 1;
      return this.payloadRegion(byte, this.#region);
    }
    if (this.isOpening(byte)) return 'handshake';
    if (this.#size >= this.header.length && this.payloadOf(this.header) !== undefined) this.header = [];
    this.header.push(byte);
    this.#size = this.header.length;
    const payload = this.payloadOf(this.header);
    if (payload === undefined) return 'framing';
    this.#payloadLeft = payload.sizeBytes;
    this.#region = payload.region;
    return 'framing';
  }

  protected payloadRegion(_byte: number, region: Region): Region {
    return region;
  }

  /** Whether the byte belongs to what comes before all frames. */
  protected abstract isOpening(byte: number): boolean;
  /** What follows the header; undefined while it is not complete. */
  protected abstract payloadOf(header: readonly number[]): { sizeBytes: number; region: Region } | undefined;
}

const END_OF_HTTP_HEAD = 0x0d0a_0d0a;
const WS_BINARY = 2;

/** RFC 6455: an HTTP head, then frames. */
class WsReader extends FramedReader {
  #last = 0;
  #isOpen = false;

  protected isOpening(byte: number): boolean {
    if (this.#isOpen) return false;
    this.#last = ((this.#last << 8) | byte) >>> 0;
    this.#isOpen = this.#last === END_OF_HTTP_HEAD;
    return true;
  }

  protected payloadOf(header: readonly number[]): { sizeBytes: number; region: Region } | undefined {
    const [first = 0, second = 0] = header;
    if (header.length < 2) return undefined;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const isMasked = second >= 0x80;
    if (header.length < 2 + lengthBytes + (isMasked ? 4 : 0)) return undefined;
    const sizeBytes = lengthBytes === 0 ? short : bigEndian(header.slice(2, 2 + lengthBytes));
    // What a host sends back are replies, not content.
    return { sizeBytes, region: (first & 0x0f) === WS_BINARY && isMasked ? 'content' : 'framing' };
  }
}

const HTTP2_PREFACE_BYTES = 24;
const HTTP2_DATA = 0;
const HTTP2_HEADERS = 1;
const GRPC_PREFIX_BYTES = 5;

/** RFC 9113, and in its DATA frames messages of gRPC: 5 bytes of prefix each. */
class GrpcReader extends FramedReader {
  #openingLeft: number;
  readonly #isFromClient: boolean;
  readonly #prefix: number[] = [];
  #messageLeft = 0;

  constructor(direction: Direction) {
    super();
    this.#isFromClient = direction === 'to-host';
    this.#openingLeft = this.#isFromClient ? HTTP2_PREFACE_BYTES : 0;
  }

  protected isOpening(): boolean {
    if (this.#openingLeft === 0) return false;
    this.#openingLeft -= 1;
    return true;
  }

  protected payloadOf(header: readonly number[]): { sizeBytes: number; region: Region } | undefined {
    if (header.length < 9) return undefined;
    const type = header[3];
    const isContent = type === HTTP2_DATA && this.#isFromClient;
    const region = isContent ? 'content' : type === HTTP2_HEADERS ? 'handshake' : 'framing';
    return { sizeBytes: bigEndian(header.slice(0, 3)), region };
  }

  protected override payloadRegion(byte: number, region: Region): Region {
    if (region !== 'content') return region;
    if (this.#messageLeft > 0) {
      this.#messageLeft -= 1;
      return 'content';
    }
    this.#prefix.push(byte);
    if (this.#prefix.length === GRPC_PREFIX_BYTES) {
      this.#messageLeft = bigEndian(this.#prefix.slice(1));
      this.#prefix.length = 0;
    }
    return 'framing';
  }
}

/** Frames on TCP: where their headers say what they are, and how long. */
interface TcpForm {
  headerBytes: number;
  /** Offsets in the header, from and to. */
  type: readonly [number, number];
  size: readonly [number, number];
  hello: number;
  content: readonly number[];
}

/** The package transport-tcp, and examples/transport-tcp. */
const PACKAGE_TCP: TcpForm = { headerBytes: 16, type: [2, 4], size: [4, 8], hello: 600, content: [100, 200] };
const EXAMPLE_TCP: TcpForm = { headerBytes: 9, type: [0, 1], size: [1, 5], hello: 1, content: [3] };

class TcpReader extends FramedReader {
  readonly #form: TcpForm;

  constructor(form: TcpForm) {
    super();
    this.#form = form;
  }

  protected isOpening(): boolean {
    return false;
  }

  protected payloadOf(header: readonly number[]): { sizeBytes: number; region: Region } | undefined {
    const { headerBytes, type, size, hello, content } = this.#form;
    if (header.length < headerBytes) return undefined;
    const kind = bigEndian(header.slice(...type));
    const region = content.includes(kind) ? 'content' : kind === hello ? 'handshake' : 'framing';
    return { sizeBytes: bigEndian(header.slice(...size)), region };
  }
}

function bigEndian(bytes: readonly number[]): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

export function regionReader(protocol: Protocol, direction: Direction): RegionReader {
  switch (protocol) {
    case 'ws':
      return new WsReader();
    case 'grpc':
      return new GrpcReader(direction);
    case 'tcp':
      return new TcpReader(PACKAGE_TCP);
    case 'example-tcp':
      return new TcpReader(EXAMPLE_TCP);
  }
}

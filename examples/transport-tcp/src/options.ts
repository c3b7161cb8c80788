import { MAX_TIMER_MS, integerOption, resolveIntegerOptions } from '@drakkar/raftio/transport';

export const OPTIONS = {
  connectTimeoutMs: integerOption(5000, 1, MAX_TIMER_MS, 'longest time to set a connection up, on each side'),
  pingIntervalMs: integerOption(2000, 1, MAX_TIMER_MS, 'how often an idle connection shows a sign of life'),
  deadPeerTimeoutMs: integerOption(10_000, 1, MAX_TIMER_MS, 'silence after which a peer is given up'),
  maxConnections: integerOption(1024, 1, 65_535, 'incoming connections held at a time'),
};
export type TcpOptions = Readonly<Record<keyof typeof OPTIONS, number>>;

export function resolveOptions(options: Partial<TcpOptions>): TcpOptions {
  return resolveIntegerOptions('the tcp transport', OPTIONS, options);
}

import { resolve } from 'node:path';
import { type BitFlipsReport, flipBits } from './run.js';
import type { Protocol } from './regions.js';
import { runProgram, seedOption } from '../harness/program.js';

const ABOUT = `Three hosts in one process write to a group by relays that flip one random bit on each connection: in batches and
chunks, in the framing around them, and in the handshakes. Then a check that nothing was applied, acknowledged or led
that should not have been, and what has come of each flip. For transports without TLS: ws, grpc, tcp, or the path of
examples/transport-tcp.`;

const REGIONS = ['content', 'framing', 'handshake'] as const;
const OUTCOMES = ['counted', 'ended', 'ignored', 'open'] as const;

function protocolOf(transport: string): Protocol {
  if (transport.includes('examples')) return 'example-tcp';
  const known = (['ws', 'grpc', 'tcp'] as const).find((name) => transport.includes(name));
  if (known === undefined)
    throw new Error(`--transport ${transport}: how it frames what it sends is not known here`);
  return known;
}

function show({ flips, faults, ...totals }: BitFlipsReport): void {
  for (const region of REGIONS) {
    const counts = OUTCOMES.map((outcome) => {
      const count = flips.filter((flip) => flip.region === region && flip.outcome === outcome).length;
      return `${count} ${outcome}`;
    });
    console.log(`${region.padEnd(10)} ${counts.join(', ')}`);
  }
  console.log(JSON.stringify(totals));
  const rules = new Map<string, number>();
  for (const { outcome, rule = '' } of flips)
    if (outcome === 'ignored') rules.set(rule, (rules.get(rule) ?? 0) + 1);
  for (const [rule, count] of rules) console.log(`ignored: ${count}, ${rule}`);
  for (const fault of faults) console.log(`FAULT ${fault}`);
}

await runProgram({
  name: 'bit-flips',
  about: ABOUT,
  numbers: {
    flips: { default: 10_000, min: 1, max: 10_000_000 },
    seed: seedOption('decides where bits flip; the timing is its own'),
  },
  play: async ({ numbers: { flips, seed }, parts: { transport }, dir, interruption }) => {
    const protocol = protocolOf(transport);
    const module = /[/\\]/.test(transport) ? resolve(transport) : transport;
    console.log(`${flips} flips, seed ${seed}, ${transport}`);
    let shownAtMs = performance.now();
    const report = await flipBits({
      flips,
      seed,
      dir,
      transport: module,
      protocol,
      signal: interruption.signal,
      onProgress: (done) => {
        if (performance.now() - shownAtMs < 10_000) return;
        shownAtMs = performance.now();
        console.log(`${done} flips`);
      },
    });
    show(report);
    return report.faults.length === 0;
  },
});

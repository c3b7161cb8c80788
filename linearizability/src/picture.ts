import type { Violation } from './check-linearizable.js';
import type { Model } from './model.js';
import type { Operation } from './operation.js';

const LANE_HEIGHT = 44;
const STEP_WIDTH = 46;
const LEFT = 120;
const TOP = 70;

const STYLE = `
body { font: 14px system-ui, sans-serif; margin: 24px; color: #1b1f24; }
svg text { font: 12px ui-monospace, monospace; }
.lane { stroke: #d0d7de; }
.bar { stroke: #57606a; rx: 4; }
.placed .bar { fill: #d7f0dd; } .stuck .bar { fill: #ffd7d5; stroke: #cf222e; stroke-width: 2; }
.later .bar { fill: #eaeef2; } .open .bar { stroke-dasharray: 5 3; }
.order { fill: #1a7f37; font-weight: bold; }
pre { background: #f6f8fa; padding: 12px; overflow-x: auto; }`;

/**
 * A violation as one HTML file without scripts or other files: a lane for each client, a bar for each operation from
 * invocation to return; numbers give the longest order that explains what was seen, red is what can't be next.
 *
 * Distances are by the order of events, not by time, so that short operations can be seen.
 */
export function drawViolation<State, Input, Output>(
  model: Model<State, Input, Output>,
  violation: Violation<Input, Output>,
  message: string,
): string {
  const { operations, order, stuck, part } = violation;
  const instants = [...new Set(operations.flatMap(({ invokedAt, returnedAt }) => [invokedAt, returnedAt]))]
    .filter((at): at is number => at !== undefined)
    .sort((a, b) => a - b);
  const columns = new Map(instants.map((at, column) => [at, column]));
  const lanes = lanesOf(operations);
  const placeOf = new Map(order.map((operation, place) => [operation, place + 1]));
  const stuckOnes = new Set(stuck);
  const widthPx = LEFT + (instants.length + 1) * STEP_WIDTH;
  const heightPx = TOP + lanes.length * LANE_HEIGHT;
  const x = (at: number | undefined): number =>
    LEFT + (at === undefined ? instants.length : (columns.get(at) ?? 0)) * STEP_WIDTH;
  const drawn = lanes.map(({ client, operations: ofLane }, lane) => {
    const y = TOP + lane * LANE_HEIGHT;
    const bars = ofLane.map((operation) =>
      drawBar(model, operation, {
        left: x(operation.invokedAt),
        right: x(operation.returnedAt),
        y,
        place: placeOf.get(operation),
        isStuck: stuckOnes.has(operation),
      }),
    );
    return (
      `<line class="lane" x1="${LEFT}" x2="${widthPx}" y1="${y + 14}" y2="${y + 14}"/>` +
      `<text x="4" y="${y + 18}">${escape(client)}</text>${bars.join('')}`
    );
  });
  const title = `Not linearizable: ${model.name}${part === '' ? '' : ` ${String(part)}`}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>${STYLE}</style></head>
<body><h1>${escape(title)}</h1>
<p>Green with a number: the longest order that explains what was seen. Red: of these one had to be next, and none can.
Grey: not reached. Dashed: the outcome is unknown.</p>
<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" role="img">${drawn.join('\n')}</svg>
<pre>${escape(message)}</pre></body></html>
`;
}

interface Lane<Input, Output> {
  client: string;
  operations: Operation<Input, Output>[];
}

/** One for each client; operations of a client that overlap, or that name none, go in lanes of their own. */
function lanesOf<Input, Output>(operations: readonly Operation<Input, Output>[]): Lane<Input, Output>[] {
  const lanes: (Lane<Input, Output> & { freeAt: number })[] = [];
  for (const operation of operations) {
    const client = operation.client === undefined ? 'no name' : `client ${operation.client}`;
    const free = lanes.find((lane) => lane.client === client && lane.freeAt <= operation.invokedAt);
    const freeAt = operation.returnedAt ?? Infinity;
    if (free === undefined) lanes.push({ client, operations: [operation], freeAt });
    else {
      free.operations.push(operation);
      free.freeAt = freeAt;
    }
  }
  return lanes.sort((a, b) => a.client.localeCompare(b.client, 'en', { numeric: true }));
}

function drawBar<State, Input, Output>(
  model: Model<State, Input, Output>,
  operation: Operation<Input, Output>,
  bar: { left: number; right: number; y: number; place: number | undefined; isStuck: boolean },
): string {
  const { left, right, y, place, isStuck } = bar;
  const kind = isStuck ? 'stuck' : place === undefined ? 'later' : 'placed';
  const open = operation.returnedAt === undefined ? ' open' : '';
  const label = escape(model.describe(operation.input, operation.output));
  const times = `[${operation.invokedAt}, ${operation.returnedAt ?? 'unknown'}]`;
  const order = place === undefined ? '' : `<text class="order" x="${left + 4}" y="${y - 3}">${place}</text>`;
  const widthPx = Math.max(8, right - left);
  return (
    `<g class="${kind}${open}"><title>${label} ${times}</title>` +
    `<rect class="bar" x="${left}" y="${y}" width="${widthPx}" height="28"/>${order}` +
    `<text x="${left + 4}" y="${y + 18}">${label}</text></g>`
  );
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A peer in a process of its own, to be killed or stopped: takes what comes on any path and tells its port. */
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 128 * 1024 * 1024 });
server.on('listening', () => {
  process.stdout.write(`${server.address().port}\n`);
});
server.on('connection', (ws) => {
  ws.on('error', () => undefined);
});

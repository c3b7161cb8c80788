/** A peer in a process of its own, to be killed or stopped: takes any call, reads nothing of it, and tells its port. */
import { createServer } from 'node:http2';

const server = createServer();
server.on('stream', (stream) => {
  stream.on('error', () => undefined);
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'drakkar-ping-interval-ms': '50' },
    { waitForTrailers: true },
  );
});
server.on('session', (session) => {
  const timer = setInterval(() => session.ping(() => undefined), 50);
  session.on('close', () => clearInterval(timer));
  session.on('error', () => undefined);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});

#!/usr/bin/env node
import { endProcess } from './end-process.js';
import { ProcessIO } from './process-io.js';
import { listenToProcess } from './signals.js';

// First of all: as process 1, signals that nobody listens for are lost.
const signals = listenToProcess();
const isServing = process.argv[2] === 'serve';
if (isServing) signals.onHangup = () => undefined; // what it would read again is not read yet
const io = new ProcessIO();
// For whatever way out is not the one below; 1 would be a verdict on data.
const FAILED = 2;
process.exitCode = FAILED;
process.on('uncaughtException', (error: unknown) => {
  if (process.listenerCount('uncaughtException') > 1) return; // the app of a host has its own way
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr(`drakkar: the process ends, since nobody has caught: ${text}\n`);
  endProcess(FAILED);
});
const { runCli } = await import('./program.js');
const exitCode = await runCli(process.argv.slice(2), io, signals);
// A reader that does not read may hold up a result, but no longer than this the end of a host.
if (isServing) setTimeout(() => endProcess(exitCode), 1_000).unref();
else signals.done();
await io.drained();
// What a host prints is no result.
const failure = isServing ? undefined : io.failure;
if (failure !== undefined) io.stderr(`drakkar: the result can't be written: ${failure.message}\n`);
process.exitCode = failure === undefined ? exitCode : FAILED;

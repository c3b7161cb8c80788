import type { ChildMessage, CommandTable, ParentMessage } from './commands.js';

export type CommandHandlers<C extends CommandTable<C>> = {
  [K in keyof C]: (argument: C[K]['takes']) => Promise<C[K]['answers']> | C[K]['answers'];
};

/**
 * The child's side of `NodeProcess`: carries out the parent's commands. Without its parent a node has no purpose: it
 * ends at once, as if it were killed, unless it has carried out the command `shutdown`: then it must end by itself.
 */
export function serveParent<C extends CommandTable<C> & { shutdown: unknown }>(
  handlers: CommandHandlers<C>,
): void {
  let isShutDown = false;
  process.on('disconnect', () => {
    if (!isShutDown) process.exit(1);
  });
  // The parent was gone before this was reached, and nobody tells of that any more.
  if (process.connected === false) process.exit(1);
  // Ctrl-C reaches every process of the terminal; the parent decides what it means.
  process.on('SIGINT', () => {});
  process.on('message', (message) => {
    const { id, command, argument } = message as ParentMessage;
    void (async () => {
      try {
        const answer = await handlers[command as keyof C](argument);
        isShutDown ||= command === 'shutdown';
        tellParent({ type: 'answer', id, answer });
      } catch (error) {
        tellParent({ type: 'refusal', id, message: error instanceof Error ? error.message : String(error) });
      }
    })();
  });
  tellParent({ type: 'ready' });
}

export function tellParent(message: ChildMessage): void {
  // When the channel is gone, so is this process, in a moment.
  process.send?.(message, undefined, undefined, () => {});
}

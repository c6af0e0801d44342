import type { CommandStartedEvent, MongoClient } from 'mongodb';

/** The commands that `operate` sends; the client must have `monitorCommands: true`. */
export async function commandsOf(
  client: MongoClient,
  operate: () => Promise<unknown>,
): Promise<CommandStartedEvent[]> {
  const commands: CommandStartedEvent[] = [];
  const listen = (event: CommandStartedEvent) => {
    commands.push(event);
  };
  client.on('commandStarted', listen);
  await operate().finally(() => client.off('commandStarted', listen));
  return commands;
}

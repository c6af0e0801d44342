import { type CommandStartedEvent, type Db, type Document, MongoClient } from 'mongodb';
import { inject } from 'vitest';

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

/** The queries for documents of a collection that `use` sends, by a connection of its own. */
export async function queriesOf(
  { databaseName }: Db,
  collection: string,
  use: (db: Db) => Promise<unknown>,
): Promise<Document[]> {
  const client = await MongoClient.connect(inject('mongoUri'), { monitorCommands: true });
  const commands = await commandsOf(client, () => use(client.db(databaseName))).finally(() =>
    client.close(),
  );
  return commands.map(({ command }) => command).filter(({ find }) => find === collection);
}

import type { TestProject } from 'vitest/node';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    mongoUri: string;
  }
}

/** One MongoDB server for the whole run; each test file has databases of its own on it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startMongo();
  console.log(`MongoDB: ${server.describe}`);
  project.provide('mongoUri', server.uri);
  return () => server.stop();
}

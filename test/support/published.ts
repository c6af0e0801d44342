import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';

/** What is published on a diagnostics channel until the test ends. */
export function published<T>(channel: string): T[] {
  const messages: T[] = [];
  const listen = (message: unknown) => void messages.push(message as T);
  subscribe(channel, listen);
  onTestFinished(() => void unsubscribe(channel, listen));
  return messages;
}

import sgMail from '@sendgrid/mail';
import type { FakeSendGrid, FakeSendGridKey } from '../../../src/testing/index.ts';

export const keyOf = (letter: string): string => `SG.${letter.repeat(22)}.${letter.repeat(43)}`;
export const FULL = keyOf('a');
export const READ_ONLY = keyOf('b');
export const SENDER = keyOf('c');

/** What the tests need of `@sendgrid/mail`, whose types do not fit its default export in ESM. */
interface Client {
  setDefaultRequest(name: string, value: unknown): void;
  request(request: object): Promise<[{ statusCode: number; body: unknown }, unknown]>;
}
interface Service {
  readonly client: Client;
  setApiKey(key: string): void;
  setTimeout(milliseconds: number): void;
  send(mail: object | object[], isMultiple?: boolean): Promise<[Answer, unknown]>;
}
interface Answer {
  statusCode: number;
  headers: Record<string, string>;
  body: unknown;
}
const { MailService } = sgMail as unknown as { MailService: new () => Service };

export const KEYS: FakeSendGridKey[] = [
  { apiKey: FULL },
  { apiKey: READ_ONLY, scopes: ['user.account.read'] },
  { apiKey: SENDER, senders: ['Acme@example.com', 'acme.test'] },
];

// Copied for each use: the SDK writes into what it is given.
export const MAIL = {
  to: 'ada@example.com',
  from: 'acme@example.com',
  subject: 'Hello',
  text: 'Hello Ada',
  html: '<p>Hello Ada</p>',
};

/** The official SDK with `apiKey`, if any, sent to the stand-in by its base URL. */
export function serviceOf(fake: FakeSendGrid, apiKey?: string): Service {
  const service = new MailService();
  if (apiKey !== undefined) service.setApiKey(apiKey);
  service.client.setDefaultRequest('baseUrl', fake.url);
  return service;
}

import sgMail from '@sendgrid/mail';
import type { FakeSendGrid, FakeSendGridKey } from '../../../src/testing/fake-sendgrid.ts';

export const keyOf = (letter: string): string => `SG.${letter.repeat(22)}.${letter.repeat(43)}`;
export const FULL = keyOf('a');
export const READ_ONLY = keyOf('b');
export const SENDER = keyOf('c');
export const EU = keyOf('d');

/** What the tests need of `@sendgrid/mail`, whose types do not fit what ESM gets of it. */
interface Client {
  setApiKey(key: string): void;
  setDefaultRequest(name: string, value: unknown): void;
  setDataResidency(region: string): void;
  setImpersonateSubuser(name: string): void;
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
export const { MailService } = sgMail as unknown as { MailService: new () => Service };

export const KEYS: FakeSendGridKey[] = [
  { apiKey: FULL },
  { apiKey: READ_ONLY, scopes: ['user.account.read'] },
  { apiKey: SENDER, senders: ['Acme@example.com', 'acme.test'] },
  { apiKey: EU, region: 'eu' },
];

// Copied for each use: the SDK writes into what it is given.
export const MAIL = {
  to: 'ada@example.com',
  from: 'acme@example.com',
  subject: 'Hello',
  text: 'Hello Ada',
  html: '<p>Hello Ada</p>',
};

/** The official SDK with `apiKey`, sent to the stand-in by its base URL. */
export function serviceOf(fake: FakeSendGrid, apiKey: string): Service {
  const service = new MailService();
  service.setApiKey(apiKey);
  service.client.setDefaultRequest('baseUrl', fake.url);
  return service;
}

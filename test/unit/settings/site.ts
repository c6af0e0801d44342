import { Ajv2020 } from 'ajv/dist/2020.js';
import {
  defineProvider,
  type SecretsVault,
  sendgridProvider,
  twilioProvider,
} from 'provider-vault';
import {
  createSettingsHandler,
  type ProviderView,
  type SettingsHandlerOptions,
  settingsSchema,
} from 'provider-vault/settings';
import { expect } from 'vitest';
import { accountSid, authToken, memoryVault } from '../../support/fixtures.ts';

export const BASE = '/api/provider-settings';
export const everything = { read: true, write: true, test: true, remove: true };
export const credentials = { accountSid: accountSid(1), authToken: authToken(1) };

/** A provider that sends its secret to a host of the tenant's choice. */
export const relay = defineProvider({
  name: 'relay',
  label: 'Relay',
  fields: {
    host: { label: 'Host', secret: false, destination: true },
    user: { label: 'User', secret: false },
    password: { label: 'Password', secret: true },
  },
  complete: [['host', 'user', 'password']],
});

const ajv = new Ajv2020({ strict: true, formats: { 'date-time': true } });
ajv.addSchema(settingsSchema, 'settings');

/** Fails unless `body` has the form that the exported schema gives to `type`. */
export function expectForm(type: string, body: unknown): void {
  const validate = ajv.getSchema(`settings#/$defs/${type}`);
  if (validate === undefined) throw new Error(`The schema has no ${type}`);
  expect(validate(body), JSON.stringify(validate.errors)).toBe(true);
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is the test
  readonly body: any;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** An object is sent as JSON. */
  readonly body?: unknown;
  readonly etag?: string | null;
  readonly as?: string;
}

/** A handler over a vault in memory; the header `x-user` says who asks: `tenant/user[/what may be done]`. */
export function settingsSite(options: Partial<SettingsHandlerOptions> = {}) {
  const { vault, store } = memoryVault({ providers: [relay] });
  const handle = createSettingsHandler({
    vault,
    providers: [twilioProvider, sendgridProvider, relay],
    basePath: BASE,
    env: {},
    identify: identifyByHeader,
    ...options,
  });
  const bodies: string[] = [];

  async function send(path: string, sent: Sent = {}): Promise<Answer> {
    const response = await handle(requestOf(`http://crm.example${BASE}${path}`, sent));
    const text = await response.text();
    bodies.push(text);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    if (text !== '') expect(isJson).toBe(true);
    const body = text === '' ? undefined : JSON.parse(text);
    if (response.status >= 400 && text !== '') expectForm('SettingsFailure', body);
    return { status: response.status, headers: response.headers, text, body };
  }

  const patch = (provider: string, fields: unknown, etag?: string | null, as?: string) =>
    send(`/${provider}`, {
      method: 'PATCH',
      body: { fields },
      ...(etag !== undefined && { etag }),
      ...(as !== undefined && { as }),
    });

  async function view(provider: string, as?: string): Promise<ProviderView> {
    const { body } = await send('/', as === undefined ? {} : { as });
    return body.providers.find(({ name }: ProviderView) => name === provider);
  }

  return { vault, store, handle, send, patch, view, bodies };
}

export function identifyByHeader(request: Request) {
  const user = request.headers.get('x-user');
  if (user === null) return undefined;
  const [tenantId = '', actor = '', may] = user.split('/');
  const allowed = may === undefined ? everything : Object.fromEntries([[may, true]]);
  return { tenantId, actor, may: allowed };
}

export function requestOf(url: string, { method = 'GET', headers, body, etag, as }: Sent): Request {
  const isText = typeof body === 'string' || body instanceof ReadableStream;
  return new Request(url, {
    method,
    headers: {
      ...(as !== '' && { 'x-user': as ?? 'acme/ada' }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...conditionHeader(etag),
      ...headers,
    },
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body), duplex: 'half' }),
  } as RequestInit);
}

export function conditionHeader(etag: string | null | undefined): Record<string, string> {
  if (etag === undefined) return {};
  return etag === null ? { 'if-none-match': '*' } : { 'if-match': `"${etag}"` };
}

/** The etag of what is stored. */
export async function etagOf(vault: SecretsVault, provider = 'twilio'): Promise<string | null> {
  return (await vault.status('acme', provider, { env: {} })).etag;
}

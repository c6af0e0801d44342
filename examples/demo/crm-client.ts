import assert from 'node:assert/strict';
import type { ProviderView } from 'provider-vault/settings';

export interface CrmAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any route
  readonly body: any;
}

/** Somebody who uses the CRM's API as its page does: with a session cookie and a CSRF token. */
export class CrmClient {
  readonly #url: string;
  readonly #cookies = new Map<string, string>();
  #csrfToken = '';
  /** The text of every answer so far. */
  readonly answers: string[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async logIn(email: string, password: string): Promise<this> {
    await this.get('session');
    const { status } = await this.post('session', { email, password });
    assert.equal(status, 200, `${email} could not log in`);
    return this;
  }

  get(path: string): Promise<CrmAnswer> {
    return this.request('GET', path);
  }

  post(path: string, body: object = {}): Promise<CrmAnswer> {
    return this.request('POST', path, body);
  }

  delete(path: string): Promise<CrmAnswer> {
    return this.request('DELETE', path);
  }

  /** Saves fields of a provider, as the settings page does: over the version that it was shown. */
  async save(provider: string, fields: Readonly<Record<string, string | null>>) {
    const { etag } = await this.provider(provider);
    const condition = etag === null ? { 'if-none-match': '*' } : { 'if-match': `"${etag}"` };
    return this.request('PATCH', `provider-settings/${provider}`, { fields }, condition);
  }

  /** A provider as the settings page shows it. */
  async provider(name: string): Promise<ProviderView> {
    const { body } = await this.get('provider-settings');
    return body.providers.find((provider: ProviderView) => provider.name === name);
  }

  async request(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
    const response = await this.raw(method, path, body && JSON.stringify(body), headers);
    const text = await response.text();
    this.answers.push(text);
    const answer = text === '' ? {} : JSON.parse(text);
    if (typeof answer.csrfToken === 'string') this.#csrfToken = answer.csrfToken;
    return { status: response.status, body: answer };
  }

  async raw(
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = await fetch(`${this.#url}/api/${path}`, {
      method,
      redirect: 'manual',
      headers: {
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'x-csrf-token': this.#csrfToken,
        'content-type': 'application/json',
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  cookie(name: string): string {
    return this.#cookies.get(name) ?? '';
  }
}

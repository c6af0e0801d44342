import { HOST_HEADER } from '../http-stand-in.ts';

/** The part of `@sendgrid/client`'s `Client` that is needed here. */
interface SendGridClient {
  createRequest(data: unknown): SendGridRequest;
}

interface SendGridRequest {
  baseURL?: string;
  url?: string;
  headers?: Record<string, string>;
  proxy?: false;
}

/** How each client made its requests before it was routed. */
const originals = new WeakMap<SendGridClient, SendGridClient['createRequest']>();

/**
 * Makes a `MailService` or `Client` of SendGrid's SDK send to `url` whatever its `baseUrl` is, now
 * and after `setApiKey` and `setDataResidency`, both of which reset it.
 *
 * @throws TypeError when `service` is neither
 * @internal
 */
export function routeTo(url: string, service: object): void {
  const client = clientOf(service);
  const original = originals.get(client) ?? client.createRequest;
  originals.set(client, original);
  client.createRequest = (data) => {
    const request = original.call(client, data);
    if (/^(?:[a-z][a-z\d+.-]*:)?\/\//i.test(request.url ?? '')) {
      throw new Error('The SendGrid stand-in answers for paths, not for whole URLs.');
    }
    const host = new URL(request.baseURL ?? url).hostname;
    const headers = { ...request.headers, [HOST_HEADER]: host };
    return Object.assign(request, { baseURL: url, headers, proxy: false });
  };
}

/**
 * The data residency that a host of SendGrid stands for.
 *
 * @internal
 */
export function residencyOf(host: string): 'global' | 'eu' | undefined {
  if (host === 'api.sendgrid.com') return 'global';
  return host === 'api.eu.sendgrid.com' ? 'eu' : undefined;
}

function clientOf(service: object): SendGridClient {
  for (const candidate of [service, (service as { client?: unknown }).client]) {
    const client = candidate as Partial<SendGridClient> | undefined;
    if (typeof client?.createRequest === 'function') return client as SendGridClient;
  }
  throw new TypeError('Expected a MailService of @sendgrid/mail or a Client of @sendgrid/client.');
}

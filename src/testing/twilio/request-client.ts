import type { RequestClient } from 'twilio';

/** The part of the `twilio` package that the stand-in uses. @internal */
export interface TwilioModule {
  readonly RequestClient: typeof RequestClient;
}

/**
 * Settings of the SDK's HTTP client: `timeout`, `autoRetry`, `maxRetries`, … The SDK ignores its own
 * options of these names when it is given an HTTP client.
 *
 * @public
 */
export type FakeTwilioClientSettings = NonNullable<ConstructorParameters<typeof RequestClient>[0]>;

/** The header in which a redirected SDK names the host it meant. @internal */
export const HOST_HEADER = 'x-forwarded-host';

/** The SDK's own HTTP client, except that requests for `*.twilio.com` go to `url`. @internal */
export function redirectedClient(
  twilio: TwilioModule,
  url: string,
  settings: FakeTwilioClientSettings,
): RequestClient {
  const client = new twilio.RequestClient(settings);
  const request = client.request.bind(client);
  client.request = async (options) => {
    const { protocol, hostname, pathname, search } = new URL(options.uri);
    if (protocol !== 'https:' || !hostname.endsWith('.twilio.com')) {
      throw new Error(`The Twilio stand-in does not answer for ${hostname}.`);
    }
    const headers = { ...options.headers, [HOST_HEADER]: hostname };
    try {
      return await request({ ...options, uri: url + pathname + search, headers });
    } finally {
      // The SDK keeps the credentials and an account's auth token here, for debugging.
      delete client.lastRequest;
      delete client.lastResponse;
    }
  };
  return client;
}

import { type ConnectionResult, problemOfStatus, type TestContext } from './connection-result.ts';

/** Where a provider of language models lists them, and how a key is sent. */
interface ModelList {
  readonly url: string;
  readonly headers: (apiKey: string) => Record<string, string>;
  /** The status of an answer to a wrong key, where that is not 401. */
  readonly wrongKey?: number;
}

const MODEL_LISTS = {
  openai: {
    url: 'https://api.openai.com/v1/models',
    headers: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
  },
  anthropic: {
    url: 'https://api.anthropic.com/v1/models',
    headers: (apiKey) => ({ 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' }),
  },
  gemini: {
    url: 'https://generativelanguage.googleapis.com/v1beta/models',
    headers: (apiKey) => ({ 'x-goog-api-key': apiKey }),
    wrongKey: 400,
  },
} as const satisfies Record<string, ModelList>;

/** Asks a provider for its models, which costs nothing. @internal */
export async function testModels(
  provider: keyof typeof MODEL_LISTS,
  { fields, signal, baseUrl }: TestContext<'apiKey'>,
): Promise<ConnectionResult> {
  const { url, headers, wrongKey }: ModelList = MODEL_LISTS[provider];
  const address = new URL(url);
  const target = baseUrl === undefined ? address : new URL(address.pathname, baseUrl);
  const { apiKey = '' } = fields;
  let response: Response;
  try {
    // A redirect would take the key to another host.
    response = await fetch(target, { headers: headers(apiKey), signal, redirect: 'error' });
    await response.body?.cancel();
  } catch {
    return signal.aborted
      ? { ok: false, code: 'timeout', detail: `${provider} did not answer in time.` }
      : { ok: false, code: 'unreachable', detail: `${provider} could not be reached.` };
  }
  const { ok, status } = response;
  if (ok) return { ok };
  const code = status === wrongKey ? 'wrong_credentials' : problemOfStatus(status);
  return { ok, code, detail: `${provider} answered ${status}.` };
}

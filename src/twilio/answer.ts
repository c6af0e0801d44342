/** The body of an answer; `undefined` for a text that is not JSON: an error page of a proxy. @internal */
export function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

// Every request of this page goes through here, but for those of <provider-settings>. The session is in a
// cookie that scripts cannot read; the CSRF token comes with /api/session and is sent along with what
// changes something. The account says whose page this is: in another tab somebody else may log in.

let csrfToken = '';
let account = '';

/** Tells the server from now on that this page is that of `user`. */
export function showAs(user) {
  account = user?.email ?? '';
}

/** What each request carries. */
export function headers() {
  return {
    'x-csrf-token': csrfToken,
    ...(account && { 'x-account': encodeURIComponent(account) }),
  };
}

export class ApiError extends Error {
  constructor(
    status,
    { code = 'UNKNOWN', message = 'The server did not answer as expected.', fields = {} },
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

export const api = {
  get: (path) => request('GET', path),
  post: (path, body = {}) => request('POST', path, body),
  delete: (path, body) => request('DELETE', path, body),
};

async function request(method, path, body, { isRetry = false } = {}) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers() },
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, { code: 'OFFLINE', message: 'The server cannot be reached.' });
  }
  const answer = await response.json().catch(() => ({}));
  if (typeof answer.csrfToken === 'string') csrfToken = answer.csrfToken;
  if (response.ok) return answer;
  const error = new ApiError(response.status, answer.error ?? {});
  // Somebody has logged in again in another tab: the new session has another token.
  if (error.code === 'CSRF' && !isRetry) {
    await request('GET', 'session', undefined, { isRetry: true });
    return request(method, path, body, { isRetry: true });
  }
  // As <provider-settings> says it.
  if (error.status === 401 && path !== 'session') document.dispatchEvent(loginRequired());
  throw error;
}

const loginRequired = () => new Event('login-required');

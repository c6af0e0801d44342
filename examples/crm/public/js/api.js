// Every request of this page goes through here. The session is in a cookie that scripts cannot read;
// the CSRF token comes with /api/session and is sent along with what changes something.

let csrfToken = '';

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
  delete: (path) => request('DELETE', path),
};

async function request(method, path, body) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-csrf-token': csrfToken },
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, { code: 'OFFLINE', message: 'The server cannot be reached.' });
  }
  const answer = await response.json().catch(() => ({}));
  if (typeof answer.csrfToken === 'string') csrfToken = answer.csrfToken;
  if (response.ok) return answer;
  const error = new ApiError(response.status, answer.error ?? {});
  if (error.status === 401 && path !== 'session') window.dispatchEvent(new Event('logged-out'));
  throw error;
}

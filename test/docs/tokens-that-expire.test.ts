import { expect, it } from 'vitest';
import { codeBlocks, moduleOf } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';
import { runModule } from '../support/run-module.ts';

const shown = moduleOf(codeBlocks(textOf('docs/guides/tokens-that-expire.md'), 'ts'));

it('the code of the guide does what it says', async () => {
  // Google and its mail server are stand-ins; all else is run as it is written.
  const connect = `
    const begun = await fetch(origin + '/mailbox/connect', { redirect: 'manual' });
    const agreed = await oidc.agree(begun.headers.get('location') ?? '');
    const [cookie = ''] = begun.headers.getSetCookie();
    const callback = origin + '/mailbox/callback' + new URL(agreed).search;
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    const connected = await fetch(callback, { redirect: 'manual', headers });
    const first = (await vault.require('acme', google)).reveal();`;
  const code = shown
    .replace(
      'googleMail({ clientId, clientSecret })',
      'googleMail({ clientId, clientSecret }, standIn)',
    )
    .replace('const { accessToken } =', `${connect}\n$&`);
  const end = `
    const soon = new Date(Date.now() + 60_000).toISOString();
    await vault.patch('acme', google, { expiresAt: soon });
    const again = await refreshDue(vault, { withinMs: 20 * 60_000 });
    const second = (await vault.require('acme', google)).reveal();
    await vault.patch('acme', google, { expiresAt: soon, refreshToken: 'taken back' });
    const refused = await vault.fresh('acme', google).catch(({ code }) => code);
    const { refreshToken } = await oidc.connect();
    const past = new Date(0).toISOString();
    await vault.put('acme', crm, { accessToken: 'old', refreshToken, expiresAt: past });
    const own = await vault.fresh('acme', crm);
    console.log(JSON.stringify({
      cookie: /HttpOnly; Secure; SameSite=Lax$/.test(cookie),
      status: [begun.status, connected.status, connected.headers.get('location')],
      token: accessToken === first.accessToken,
      logins: logins.map((login) => login === 'sales@acme.test ' + first.accessToken),
      refreshed: [due, renewed, failed, again, second.accessToken !== first.accessToken],
      health: [health ?? null, expiresAt instanceof Date, tested, ok],
      refused: [refused, told],
      own: own.accessToken !== 'old' && own.refreshToken !== refreshToken,
    }));
    await close();
  `;
  const { stdout, stderr } = await runModule(code + end, 'test/docs/names/tokens-that-expire.ts', {
    APP_ENCRYPTION_KEY: '',
  });
  expect(stderr.replace(/^oidc-provider .*\n/gm, '')).toBe('');
  const lines = stdout.trim().split('\n');
  expect(JSON.parse(lines.pop() ?? '')).toEqual({
    cookie: true,
    status: [302, 302, '/settings'],
    token: true,
    logins: [true],
    refreshed: [0, 0, [], { scanned: 1, due: 1, renewed: 1, failedCount: 0, failed: [] }, true],
    health: [null, true, 0, 0],
    refused: ['ERR_REFRESH_FAILED', ['acme googleMail']],
    own: true,
  });
});

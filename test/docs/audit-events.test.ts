import {
  eraseTenant,
  getTwilioClient,
  rotateCredential,
  type SecretsVault,
  testConnection,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { textOf } from '../support/documents.ts';
import { acmeMail, everyOperation, fullVault } from '../support/every-operation.ts';
import { accountSid, auditEvents, authToken, newKey } from '../support/fixtures.ts';

const page = textOf('docs/reference/audit-events.md');
const source = textOf('src/audit/audit-event.ts');

/** The first two cells of the rows of a table. */
function rowsOf(heading: string) {
  const [, after = ''] = page.split(`## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  const rows = section.matchAll(/^\| `([\w-]+)` +\| (.*?) +\|/gm);
  return [...rows].map(([, name = '', cell = '']) => ({ name, cell }));
}
const actions = rowsOf('Actions').map(({ name }) => name);
const members = rowsOf('Members').map(({ name }) => name);

it('lists the members and the actions that the types have', () => {
  const [, union = ''] = /type AuditAction =([^;]*);/.exec(source) ?? [];
  const known = [...union.matchAll(/'([\w-]+)'/g)].map(([, name]) => name);
  expect([...actions].sort()).toEqual(known.sort());
  const [, body = ''] = /interface AuditEvent \{([\s\S]*?)^\}/m.exec(source) ?? [];
  expect(members).toEqual([...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name));
});

it('lists what is left when everything is done with a vault', async () => {
  const events = await auditEvents(() => everyOperation(fullVault()));
  for (const event of events) expect(members).toEqual(expect.arrayContaining(Object.keys(event)));
  const found = new Set(events.map(({ action }) => action as string));
  expect(actions).toEqual(expect.arrayContaining([...found]));
  // Those need old settings, an environment, a changed lookup key, or a record that does not open.
  const others = actions.filter((action) => !found.has(action));
  expect(others.sort()).toEqual(['migrate', 'override', 'reindex', 'verify']);
});

const twilioFields = { accountSid: accountSid(1), authToken: authToken(1) };
const CALLS: Record<string, (vault: SecretsVault) => unknown> = {
  get: (vault) => vault.get('acme', 'twilio'),
  require: (vault) => vault.require('acme', 'twilio'),
  fresh: (vault) => vault.fresh('acme', acmeMail),
  getMany: (vault) => vault.getMany([{ tenantId: 'acme', provider: 'twilio' }]),
  getSecret: (vault) => vault.getSecret('acme', 'twilio_auth_token'),
  getAllSecrets: (vault) => vault.getAllSecrets('acme'),
  getTwilioClient: (vault) => getTwilioClient(vault, { tenantId: 'acme' }),
  list: (vault) => vault.list('beta'),
  status: (vault) => vault.status('acme'),
  put: (vault) => vault.put('acme', 'twilio', twilioFields),
  patch: (vault) => vault.patch('acme', 'twilio', { region: 'ie1' }),
  applyForm: (vault) => vault.applyForm('acme', 'twilio', { region: 'ie1' }),
  setSecret: (vault) => vault.setSecret('acme', 'own_key', 'x'),
  setSecrets: (vault) => vault.setSecrets('acme', { own_key: 'x' }),
  delete: (vault) => vault.delete('acme', 'twilio'),
  deleteSecret: (vault) => vault.deleteSecret('acme', 'twilio_auth_token'),
  history: (vault) => vault.history('acme', 'twilio'),
  rollback: (vault) => vault.rollback('acme', 'twilio', 1),
  purgeHistory: (vault) => vault.purgeHistory('acme', 'twilio'),
  findTenants: (vault) => vault.findTenants('twilio', { accountSid: accountSid(1) }),
  eraseTenant: (vault) => eraseTenant(vault, 'acme'),
  rotateCredential: (vault) =>
    rotateCredential(vault, { tenantId: 'acme', provider: acmeMail, graceMs: 0 }),
  testConnection: (vault) => testConnection(vault, { tenantId: 'acme', provider: acmeMail }),
};

/** What a call leaves beside the event of its row. */
const BESIDE: Record<string, string[]> = {
  rotateCredential: ['patch'],
  testConnection: ['get', 'health'],
};

it.each(Object.entries(CALLS))('%s leaves the event of its row', async (name, call) => {
  const { vault } = fullVault({ lookupKey: newKey() });
  await vault.put('acme', 'twilio', twilioFields);
  await vault.patch('acme', 'twilio', { edge: 'dublin' });
  await vault.put('acme', acmeMail, { token: 'x' });
  const events = await auditEvents(async () => call(vault));
  const row = rowsOf('Actions').find(({ cell }) => cell.includes(`\`${name}\``));
  const left = [...new Set(events.map(({ action }) => action as string))];
  expect(left.sort()).toEqual([...(BESIDE[name] ?? []), row?.name].sort());
});

import { type AuditEvent, Keyring, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { audited } from '../../support/audited.ts';
import { accountSid, authToken, newKey, rejection } from '../../support/fixtures.ts';

const twilio = { accountSid: accountSid(1), authToken: authToken(1) };
const none = { env: {} };

describe('refusals and failures', () => {
  const bad = { $ne: 'secret-of-attacker' } as never;

  it.each<[string, (vault: SecretsVault) => unknown, Partial<AuditEvent>]>([
    ['get', (v) => v.get(bad, 'twilio'), { action: 'get', tenantId: '(invalid)' }],
    ['put', (v) => v.put('a', bad, {}), { action: 'put', provider: '(invalid)' }],
    ['a value', (v) => v.put('a', 'twilio', { authToken: bad }), { action: 'put', fields: [] }],
    ['options', (v) => v.patch('a', 'x', {}, { actor: bad }), { action: 'patch' }],
    ['delete', (v) => v.delete(bad, bad), { action: 'delete' }],
    ['list', (v) => v.list(bad), { action: 'list', tenantId: '(invalid)' }],
    ['status', (v) => v.status(bad), { action: 'status', tenantId: '(invalid)' }],
    ['form', (v) => v.applyForm('a', 'twilio', bad), { action: 'patch' }],
    ['getSecret', (v) => v.getSecret('a', bad), { action: 'get', provider: '(invalid)' }],
    ['getAllSecrets', (v) => v.getAllSecrets(bad), { action: 'get' }],
    ['setSecret', (v) => v.setSecret('a', 'a.b.c', bad), { action: 'patch', provider: 'a.b' }],
    ['setSecrets', (v) => v.setSecrets('a', bad), { action: 'patch', provider: 'custom' }],
    ['deleteSecret', (v) => v.deleteSecret('a', bad), { action: 'delete' }],
    ['getMany', (v) => v.getMany([{ tenantId: bad, provider: 'x' }]), { tenantId: '(invalid)' }],
    ['getMany of null', (v) => v.getMany([null as never]), { tenantId: '(invalid)' }],
    ['history', (v) => v.history('a', bad), { action: 'history' }],
    ['rollback', (v) => v.rollback(bad, 'x', 1), { action: 'rollback' }],
  ])('%s of what is no name is one event, without what came', async (_name, operate, expected) => {
    const { vault, events, published, faulty } = audited();
    await expect(operate(vault)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(events).toHaveLength(1);
    const refused = { outcome: 'refused', code: 'ERR_INVALID_ARGUMENT' };
    expect(events[0]).toMatchObject({ ...refused, ...expected });
    expect(JSON.stringify([events, published])).not.toContain('attacker');
    expect(faulty.calls).toEqual([]);
  });

  it('an actor or reason that is too long is not in the event of its refusal', async () => {
    const { vault, events, published } = audited();
    const long = 'x'.repeat(1025);
    for (const [options, kept] of [
      [{ actor: 'ann', reason: long }, { actor: 'ann' }],
      [{ actor: long, reason: 'case 17' }, { reason: 'case 17' }],
    ] as const) {
      await expect(vault.put('a', 'x', {}, options)).rejects.toThrow('at most 1024 characters');
      await expect(vault.list('a', options)).rejects.toThrow('at most 1024 characters');
      for (const event of events.splice(0)) {
        expect(event).toMatchObject({ outcome: 'refused', ...kept });
        expect(Object.keys(event)).not.toContain('actor' in kept ? 'reason' : 'actor');
      }
    }
    expect(JSON.stringify(published)).not.toContain('xxx');
    expect(published).toHaveLength(4);
    await vault.put('a', 'x', {}, { actor: 'y'.repeat(1024) });
    expect(events).toMatchObject([{ outcome: 'ok', actor: 'y'.repeat(1024) }]);
  });

  it('a record that cannot be opened is a refusal, also where status only shows it', async () => {
    const { vault, events, sink, faulty, keys } = audited();
    await vault.put('a', 'twilio', twilio);
    const other = new SecretsVault({
      store: faulty.store,
      keys: new Keyring({ encryptionKey: newKey() }),
      audit: sink,
    });
    events.length = 0;
    await expect(other.get('a', 'twilio')).rejects.toThrow();
    await other.status('a', 'twilio', none);
    await other.status('a', undefined, none);
    const keyId = keys.encryptionKeyId;
    for (const event of events) {
      expect(event).toMatchObject({ outcome: 'refused', code: 'ERR_KEY_UNKNOWN', rev: 1, keyId });
    }
    expect(events.map(({ action }) => action)).toEqual(['get', 'status', 'status']);
  });

  it('a store that fails is a failure', async () => {
    const { vault, events, faulty } = audited();
    faulty.fail('get', 'before');
    faulty.fail('list', 'before');
    await expect(vault.get('a', 'twilio')).rejects.toThrow();
    await expect(vault.getAllSecrets('a')).rejects.toThrow();
    expect(events.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'ERR_STORE_UNAVAILABLE'],
      ['failed', 'ERR_STORE_UNAVAILABLE'],
    ]);
  });

  it('what is not there and what conflicts is refused', async () => {
    const { vault, events } = audited();
    await expect(vault.require('a', 'twilio')).rejects.toThrow();
    await expect(vault.put('a', 'x', {}, { ifMatch: 'stale' })).rejects.toThrow();
    await vault.deleteSecret('a', 'x.y');
    await expect(vault.delete('a', 'x', { ifMatch: 'stale' })).rejects.toThrow();
    expect(events.map(({ code }) => code)).toEqual([
      'ERR_SECRET_NOT_FOUND',
      'ERR_CONFLICT',
      'ERR_SECRET_NOT_FOUND',
      'ERR_CONFLICT',
    ]);
    expect(new Set(events.map(({ outcome }) => outcome))).toEqual(new Set(['refused']));
  });
});

describe('an operation on several records or keys', () => {
  it('leaves an event of each record that the store did not give', async () => {
    const { vault, events, faulty } = audited();
    faulty.fail('getMany', 'before');
    const refs = ['a', 'b'].map((tenantId) => ({ tenantId, provider: 'custom' }));
    await rejection(vault.getMany(refs));
    const failed = { action: 'get', outcome: 'failed', code: 'ERR_STORE_UNAVAILABLE' };
    expect(events).toMatchObject(refs.map((ref) => ({ ...failed, ...ref })));
  });

  it.each<[string, string, (vault: SecretsVault) => Promise<unknown>]>([
    ['getMany', 'get', (vault) => vault.getMany([{ tenantId: '', provider: 'custom' }])],
    ['getSecret', 'get', (vault) => vault.getSecret('a', 7 as never)],
    ['setSecret', 'patch', (vault) => vault.setSecret('a', 7 as never, 'x')],
    ['setSecrets', 'patch', (vault) => vault.setSecrets('a', 7 as never)],
    ['setSecrets of a key', 'patch', (vault) => vault.setSecrets('a', { '': 'x' })],
    ['setSecrets of a value', 'patch', (vault) => vault.setSecrets('a', { x: 7 as never })],
    ['deleteSecret', 'delete', (vault) => vault.deleteSecret('a', 7 as never)],
  ])('leaves an event of a malformed argument: %s', async (_name, action, call) => {
    const { vault, events } = audited();
    expect(await rejection(call(vault))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(events).toMatchObject([{ action, outcome: 'refused', code: 'ERR_INVALID_ARGUMENT' }]);
  });
});

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  AUDIT_CHANNEL,
  AUDIT_ERROR_CHANNEL,
  type AuditEvent,
  getTwilioClient,
  Keyring,
  MemorySecretStore,
  SecretsVault,
  VaultError,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it, vi } from 'vitest';
import { accountSid, authToken, newKey } from '../../support/fixtures.ts';

const keys = new Keyring({ encryptionKey: newKey() });

/** A vault whose sink can be broken. */
function vaultWith(mode: 'strict' | 'best-effort') {
  const sink = {
    kept: [] as AuditEvent[],
    broken: undefined as unknown,
    write(event: AuditEvent) {
      if (this.broken !== undefined) throw this.broken;
      this.kept.push(event);
    },
  };
  const faulty = new FaultyStore(new MemorySecretStore());
  const vault = new SecretsVault({ store: faulty.store, keys, audit: { sink, mode } });
  const outcomes = () => sink.kept.map(({ outcome, code, rev }) => [outcome, code, rev]);
  return { vault, sink, faulty, outcomes };
}

async function messagesOf(channel: string, operate: () => Promise<unknown>): Promise<unknown[]> {
  const messages: unknown[] = [];
  const listen = (message: unknown) => {
    messages.push(message);
  };
  subscribe(channel, listen);
  await operate().finally(() => unsubscribe(channel, listen));
  return messages;
}

describe('mode strict', () => {
  it.each<[string, (vault: SecretsVault) => Promise<unknown>]>([
    ['get', (v) => v.get('a', 'custom')],
    ['require', (v) => v.require('a', 'custom')],
    ['getMany', (v) => v.getMany([{ tenantId: 'a', provider: 'custom' }])],
    ['getSecret', (v) => v.getSecret('a', 'x')],
    ['getAllSecrets', (v) => v.getAllSecrets('a')],
    ['getAllSecrets of nothing', (v) => v.getAllSecrets('b')],
    ['list', (v) => v.list('a')],
    ['history', (v) => v.history('a', 'custom')],
    ['status', (v) => v.status('a', 'custom')],
    ['status of all', (v) => v.status('a')],
    ['put', (v) => v.put('a', 'custom', { x: '9' })],
    ['a put where nothing may be', (v) => v.put('b', 'custom', { x: '9' }, { ifMatch: null })],
    ['purgeHistory', (v) => v.purgeHistory('a', 'custom')],
    ['a first put', (v) => v.put('b', 'custom', { x: '9' })],
    ['patch', (v) => v.patch('a', 'custom', { x: '9' })],
    ['applyForm', (v) => v.applyForm('a', 'custom', { x: '9' })],
    ['setSecrets', (v) => v.setSecrets('a', { x: '9', twilio_auth_token: '9' })],
    ['deleteSecret', (v) => v.deleteSecret('a', 'x')],
    ['rollback', (v) => v.rollback('a', 'custom', 1)],
    ['delete', (v) => v.delete('a', 'custom')],
    [
      'a client from the environment',
      (v) =>
        getTwilioClient(v, {
          env: { TWILIO_ACCOUNT_SID: accountSid(1), TWILIO_AUTH_TOKEN: authToken(1) },
        }),
    ],
  ])('refuses %s when the sink fails, and changes nothing', async (_name, operate) => {
    const { vault, sink, faulty } = vaultWith('strict');
    await vault.put('a', 'custom', { x: '1' });
    await vault.put('a', 'custom', { x: '2' });
    const before = await faulty.store.list('a');
    faulty.calls.length = 0;
    sink.broken = new Error('the sink is full');
    const events = await messagesOf(AUDIT_CHANNEL, async () => {
      const failures = await messagesOf(AUDIT_ERROR_CHANNEL, async () => {
        const error = await operate(vault).catch((e: unknown) => e);
        expect(error).toMatchObject({ code: 'ERR_STORE_FAILED', cause: sink.broken });
      });
      expect(failures.length).toBeGreaterThan(0);
    });
    expect(new Set(events.map((event) => (event as AuditEvent).outcome))).toEqual(
      new Set(['failed']),
    );
    expect(faulty.calls.filter((call) => /put|delete/.test(call))).toEqual([]);
    expect(await faulty.store.list('a')).toEqual(before);
  });

  it('says whether trying again may help', async () => {
    const { vault, sink } = vaultWith('strict');
    sink.broken = new VaultError('ERR_STORE_UNAVAILABLE', 'away');
    await expect(vault.get('a', 'x')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });

  it('keeps the event of a write before the write, and the opposite where it fails', async () => {
    const { vault, faulty, outcomes } = vaultWith('strict');
    await vault.put('a', 'custom', { x: '1' });
    faulty.fail('put', 'before');
    await expect(vault.put('a', 'custom', { x: '2' })).rejects.toThrow();
    expect(outcomes()).toEqual([
      ['ok', undefined, 1],
      ['ok', undefined, 2],
      ['failed', 'ERR_STORE_UNAVAILABLE', 2],
    ]);
  });

  it('keeps the event of each try of a contended write', async () => {
    const { vault, sink, faulty, outcomes } = vaultWith('strict');
    const other = new SecretsVault({ store: faulty.store, keys });
    let raced = false;
    const write = sink.write.bind(sink);
    sink.write = (async (event: AuditEvent) => {
      write(event);
      if (!raced) {
        raced = true;
        await other.put('a', 'custom', { theirs: '1' });
      }
    }) as typeof sink.write;
    await vault.patch('a', 'custom', { ours: '2' });
    expect(outcomes()).toEqual([
      ['ok', undefined, 1],
      ['refused', 'ERR_CONFLICT', 1],
      ['ok', undefined, 2],
    ]);
    expect((await other.require('a', 'custom')).reveal()).toEqual({ theirs: '1', ours: '2' });
  });

  it('waits for the sink', async () => {
    const { vault, sink } = vaultWith('strict');
    let kept = false;
    sink.write = (async () => {
      await new Promise((done) => setTimeout(done, 20));
      kept = true;
    }) as never;
    await vault.get('a', 'x');
    expect(kept).toBe(true);
  });
});

describe('mode best-effort', () => {
  it('goes on without the sink, and tells of each event that is lost', async () => {
    const { vault, sink } = vaultWith('best-effort');
    sink.broken = new Error('the sink is full');
    const failures = await messagesOf(AUDIT_ERROR_CHANNEL, async () => {
      await vault.put('a', 'custom', { x: '1' });
      expect((await vault.get('a', 'custom'))?.reveal()).toEqual({ x: '1' });
    });
    expect(failures).toMatchObject([
      { error: sink.broken, event: { action: 'put', rev: 1 } },
      { error: sink.broken, event: { action: 'get', rev: 1 } },
    ]);
  });

  it('warns once where nobody is told', async () => {
    const { vault, sink } = vaultWith('best-effort');
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    sink.broken = new Error('the sink is full');
    for (let n = 0; n < 3; n++) await vault.get('a', 'custom');
    sink.broken = undefined;
    await vault.get('a', 'custom');
    sink.broken = new Error('again');
    await vault.get('a', 'custom');
    expect(warn).toHaveBeenCalledTimes(2);
    warn.mockRestore();
  });

  it('does not wait for the sink', async () => {
    const { vault, sink } = vaultWith('best-effort');
    sink.write = (() => new Promise(() => {})) as never;
    await vault.get('a', 'custom');
  });
});

it.each([null, 'sink', {}, { sink: {} }, { sink: { write: () => {} }, mode: 'maybe' }])(
  'refuses the sink %j',
  (audit) => {
    const options = { store: new MemorySecretStore(), keys, audit } as never;
    expect(() => new SecretsVault(options)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  },
);

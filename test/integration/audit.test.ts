import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CommandStartedEvent } from 'mongodb';
import {
  AUDIT_CHANNEL,
  AUDIT_ERROR_CHANNEL,
  type AuditEvent,
  getTwilioClient,
  MongoAuditSink,
  SecretsVault,
  VaultError,
} from 'provider-vault';
import { afterEach, describe, expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { accountSid, authToken, memoryVault } from '../support/fixtures.ts';

const { client, db } = await testDatabase({ monitorCommands: true });
const tokens = { accountSid: accountSid(1), authToken: authToken(1) };
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function published(channel = AUDIT_CHANNEL) {
  const events: AuditEvent[] = [];
  const listen = (event: unknown) => void events.push(event as AuditEvent);
  subscribe(channel, listen);
  cleanups.push(() => unsubscribe(channel, listen));
  return events;
}

describe('audit events', () => {
  it('are one for every access, write, refusal and override', async () => {
    const events = published();
    const { vault, keys } = memoryVault();
    await vault.put('a', 'twilio', tokens, { actor: 'ann', reason: 'set-up' });
    await vault.get('a', 'twilio', { actor: 'bob' });
    await vault.get('a', 'none').catch(() => {});
    await vault.put('a', 'twilio', { accountSid: 'wrong' }).catch(() => {});
    await vault.get({ $ne: null } as never, 'twilio').catch(() => {});
    const env = { TWILIO_ACCOUNT_SID: accountSid(2), TWILIO_AUTH_TOKEN: authToken(2) };
    await getTwilioClient(vault, { env });
    await vault.delete('a', 'twilio', { actor: 'ann' });

    const short = events.map(({ action, tenantId, outcome, code, source }) =>
      [action, tenantId, outcome, code, source].filter(Boolean).join(' '),
    );
    expect(short).toEqual([
      'put a ok vault',
      'get a ok vault',
      expect.stringMatching(/^get a ok vault/),
      'put a refused ERR_INVALID_ARGUMENT vault',
      expect.stringMatching(/^get \S+ refused ERR_INVALID_ARGUMENT/),
      'override default ok environment',
      'delete a ok vault',
    ]);
    expect(events[0]).toEqual({
      at: expect.any(Date),
      action: 'put',
      tenantId: 'a',
      provider: 'twilio',
      fields: ['accountSid', 'authToken'],
      outcome: 'ok',
      rev: 1,
      keyId: keys.encryptionKeyId,
      actor: 'ann',
      reason: 'set-up',
      source: 'vault',
    });
    expect(events[1]).toMatchObject({ actor: 'bob', fields: ['accountSid', 'authToken'], rev: 1 });
  });

  it('say of a cached read that it was one', async () => {
    const events = published();
    const { vault } = memoryVault({ cache: { ttlMs: 60_000 } });
    await vault.put('a', 'custom', { f: '1' });
    await vault.get('a', 'custom');
    await vault.get('a', 'custom');
    expect(events.map(({ source }) => source)).toEqual(['vault', 'vault', 'cache']);
  });
});

describe('a sink that fails', () => {
  const down = {
    write: () => {
      throw new VaultError('ERR_STORE_UNAVAILABLE', 'down');
    },
  };

  it('is not in the way by default, and is not passed over in silence', async () => {
    const failures = published(AUDIT_ERROR_CHANNEL);
    const { vault } = memoryVault({ audit: down });
    await vault.put('a', 'custom', { f: '1' });
    expect((await vault.require('a', 'custom')).f).toBe('1');
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({ event: { action: 'put' } });
  });

  it('refuses every operation in strict mode, before anything is written or leaves', async () => {
    published(AUDIT_ERROR_CHANNEL);
    const { vault, store, keys } = memoryVault();
    await vault.put('a', 'custom', { f: 'old' });
    const strict = new SecretsVault({ store, keys, audit: { sink: down, mode: 'strict' } });
    for (const operate of [
      () => strict.get('a', 'custom'),
      () => strict.getMany([{ tenantId: 'a', provider: 'custom' }]),
      () => strict.put('a', 'custom', { f: 'new' }),
      () => strict.put('a', 'custom', { f: 'new' }, { expectedRev: 1 }),
      () => strict.patch('a', 'custom', { f: 'new' }),
      () => strict.applyForm('a', 'custom', { f: 'new' }),
      () => strict.delete('a', 'custom'),
      () => getTwilioClient(strict, { env: { ...process.env, ...envOf(1) } }),
    ]) {
      await expect(operate()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    }
    const found = await vault.require('a', 'custom');
    expect([found.f, found.meta.rev]).toEqual(['old', 1]);
  });
});

function envOf(n: number) {
  return { TWILIO_ACCOUNT_SID: accountSid(n), TWILIO_AUTH_TOKEN: authToken(n) };
}

describe('MongoAuditSink', () => {
  it("answers who read a tenant's token last week", async () => {
    const clock = { now: new Date('2030-01-01T00:00:00Z') };
    const sink = new MongoAuditSink(db);
    await Promise.all([sink.init(), sink.init()]);
    const { vault } = memoryVault({ audit: sink, now: () => clock.now });
    await vault.put('acme', 'twilio', tokens);
    await vault.get('acme', 'twilio', { actor: 'long ago' });
    clock.now = new Date('2030-01-20T00:00:00Z');
    await vault.get('acme', 'twilio', { actor: 'ann', reason: 'support' });
    await vault.get('acme', 'sendgrid', { actor: 'bob' });
    await vault.put('other', 'twilio', tokens);
    await vault.get('other', 'twilio', { actor: 'carl' });

    const since = new Date('2030-01-13T00:00:00Z');
    const found = await sink.find({
      tenantId: 'acme',
      provider: 'twilio',
      field: 'authToken',
      action: 'get',
      since,
    });
    expect(found.map(({ actor, reason }) => [actor, reason])).toEqual([['ann', 'support']]);
    expect(await sink.find({ tenantId: 'acme', limit: 2 })).toHaveLength(2);
    await expect(sink.find({ tenantId: { $ne: null } as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    await sink.close();
  });

  it('writes in batches', async () => {
    const sink = new MongoAuditSink(db, { collection: 'batched' });
    const { vault } = memoryVault({ audit: sink });
    await vault.put('a', 'custom', { f: '1' });
    await sink.flush();
    const commands: string[] = [];
    const listen = (event: CommandStartedEvent) => commands.push(event.commandName);
    client.on('commandStarted', listen);
    await Promise.all(Array.from({ length: 200 }, () => vault.get('a', 'custom')));
    await sink.flush();
    client.off('commandStarted', listen);
    expect(commands.length).toBeLessThan(10);
    expect(await db.collection('batched').countDocuments()).toBe(201);
    await sink.close();
  });

  it('makes a TTL index where it is asked to', async () => {
    const sink = new MongoAuditSink(db, { collection: 'short', expireAfterSeconds: 60 });
    await sink.init();
    const indexes = await db.collection('short').indexes();
    expect(indexes.find(({ expireAfterSeconds }) => expireAfterSeconds === 60)).toMatchObject({
      key: { at: 1 },
    });
  });
});

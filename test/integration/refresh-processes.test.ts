import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { oidcDefinition } from '../support/oidc-definition.ts';
import { startOidcServer } from '../support/oidc-server.ts';

const { client } = await testDatabase();
const worker = await bundleWorker('fresh-callers');
const server = await startOidcServer();
afterAll(() => Promise.all([rm(dirname(worker), { recursive: true }), server.close()]));
const key = newKey();
const definition = oidcDefinition(server.url);

/** A database with the credentials of a new grant, which expire in so many milliseconds. */
async function connected(leftMs: number) {
  const db = client.db(`refresh_${randomUUID().replaceAll('-', '')}`);
  const store = new MongoSecretStore(db);
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  const { refreshToken, grantId } = await server.connect();
  const expiresAt = new Date(Date.now() + leftMs).toISOString();
  const fields = { accessToken: 'the old one', refreshToken, expiresAt, account: 'sales' };
  await vault.put('acme', definition, fields);
  return { db, store, vault, grantId, drop: () => db.dropDatabase() };
}

async function callers(database: string, count: number, timeoutMs = 2_000) {
  const args = [worker, inject('mongoUri'), database, server.url, String(count), String(timeoutMs)];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, APP_ENCRYPTION_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  const exited = once(child, 'exit');
  return {
    child,
    exited,
    ask: () => void child.stdin.write('\n'),
    got: async () => JSON.parse((await lines.next()).value ?? '[]') as string[],
    end: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

describe('renewals of several processes', { timeout: 120_000 }, () => {
  it('six processes with twenty callers each exchange once, and the grant lives', async () => {
    const { db, vault, grantId, drop } = await connected(-1_000);
    const before = { ...server.told };
    const all = await Promise.all(Array.from({ length: 6 }, () => callers(db.databaseName, 20)));
    for (const one of all) one.ask();
    const got = (await Promise.all(all.map((one) => one.got()))).flat();
    const { accessToken } = await vault.require('acme', definition);
    expect(new Set(got)).toEqual(new Set([accessToken]));
    expect(got).toHaveLength(120);
    expect(accessToken).not.toBe('the old one');
    expect(server.told.requests - before.requests).toBe(1);
    expect(await server.isAlive(grantId)).toBe(true);
    await Promise.all(all.map((one) => one.end()));
    await drop();
  });

  it('callers do not wait while the old token is valid', async () => {
    const { db, vault, grantId, drop } = await connected(20_000);
    const before = { ...server.told };
    server.trouble({ delayMs: 1_000 });
    const all = await Promise.all(Array.from({ length: 6 }, () => callers(db.databaseName, 20)));
    for (const one of all) one.ask();
    const got = (await Promise.all(all.map((one) => one.got()))).flat();
    server.trouble(undefined);
    const { accessToken = '' } = await vault.require('acme', definition);
    // the one that renewed it, and those that came first in their process and found it renewed
    const renewed = got.filter((token) => token === accessToken).length;
    expect(renewed).toBeGreaterThanOrEqual(1);
    expect(got.filter((token) => token === 'the old one')).toHaveLength(120 - renewed);
    expect(server.told.requests - before.requests).toBe(1);
    expect(await server.isAlive(grantId)).toBe(true);
    await Promise.all(all.map((one) => one.end()));
    await drop();
  });

  it('a holder that is killed before its exchange is followed by another process', async () => {
    const { db, vault, grantId, store, drop } = await connected(-1_000);
    server.trouble({ status: 503 });
    const before = { ...server.told };
    const dying = await callers(db.databaseName, 20);
    // killed as soon as the lease is there; the provider has nothing to give at that time
    dying.ask();
    const lease = { tenantId: 'acme', provider: '$lease:refresh/oidc' };
    while ((await store.get(lease)) === undefined) await sleep(1);
    dying.child.kill('SIGKILL');
    await dying.exited;
    server.trouble(undefined);
    const next = await callers(db.databaseName, 20);
    next.ask();
    const got = await next.got();
    expect(new Set(got)).toEqual(new Set([(await vault.require('acme', definition)).accessToken]));
    expect(server.told.granted - before.granted).toBe(1);
    expect(await server.isAlive(grantId)).toBe(true);
    await next.end();
    await drop();
  });

  it('a holder that is killed with the new tokens loses the grant, and says so', async () => {
    const { db, vault, store, drop } = await connected(-1_000);
    server.trouble({ answerDelayMs: 60_000 }); // granted, and not there yet
    const before = { ...server.told };
    const dying = await callers(db.databaseName, 20);
    dying.ask();
    while (server.told.granted === before.granted) await sleep(1);
    dying.child.kill('SIGKILL');
    await dying.exited;
    server.trouble(undefined);
    const stored = await store.get({ tenantId: 'acme', provider: 'oidc' });
    const next = await callers(db.databaseName, 20);
    next.ask();
    expect(new Set(await next.got())).toEqual(new Set(['ERR_REFRESH_FAILED']));
    expect(await store.get({ tenantId: 'acme', provider: 'oidc' })).toEqual(stored);
    expect((await vault.status('acme', 'oidc')).health).toMatchObject({
      state: 'needs_reauthorization',
    });
    expect(server.told.requests - before.requests).toBe(2);
    await next.end();
    await drop();
  });

  it('a provider that is down for minutes is asked twice a minute, by all together', async () => {
    const { db, store, drop } = await connected(0);
    const start = Date.now();
    let now = start;
    // a new process for each call
    const restarted = () =>
      new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }), now: () => now });
    const google = oidcDefinition(server.url, { marginMs: 15 * 60_000 });
    await restarted().patch('acme', google, { expiresAt: new Date(start + 240_000).toISOString() });
    server.trouble({ status: 503 });
    const before = { ...server.told };
    const got = new Set<string>();
    for (; now < start + 300_000; now += 10_000) {
      const fresh = await restarted()
        .fresh('acme', google)
        .catch(({ code }) => ({ accessToken: code }));
      got.add(`${fresh.accessToken} ${now < start + 240_000 ? 'before' : 'after'} the end`);
    }
    expect(got).toEqual(
      new Set(['the old one before the end', 'ERR_REFRESH_FAILED after the end']),
    );
    expect(server.told.requests - before.requests).toBe(10);
    server.trouble(undefined);
    now += 30_000;
    const { accessToken, meta } = await restarted().fresh('acme', google);
    expect(accessToken).not.toBe('the old one');
    expect(meta.expiresAt?.getTime()).toBeGreaterThan(now);
    expect((await restarted().status('acme', 'oidc')).health).toMatchObject({ state: 'ok' });
    expect(db.databaseName).toMatch(/^refresh_/);
    await drop();
  });

  it('a holder that is stopped, and wakes up too late, exchanges nothing', async () => {
    const { db, vault, grantId, store, drop } = await connected(-1_000);
    const before = { ...server.told };
    const sleeper = await callers(db.databaseName, 1, 100);
    const lease = { tenantId: 'acme', provider: '$lease:refresh/oidc' };
    sleeper.ask();
    let stopped = false;
    while (!stopped) {
      sleeper.child.kill('SIGSTOP');
      await sleep(3);
      stopped = (await store.get(lease)) !== undefined;
      if (!stopped) sleeper.child.kill('SIGCONT');
      await sleep(1);
    }
    const wasSent = server.told.requests > before.requests;
    const { accessToken } = await vault.fresh('acme', definition); // after the lease time
    sleeper.child.kill('SIGCONT');
    expect(await sleeper.got()).toEqual([accessToken]);
    expect((await vault.require('acme', definition)).accessToken).toBe(accessToken);
    // If it was stopped after its request had left, only the provider could tell.
    if (!wasSent) {
      expect(server.told.requests - before.requests).toBe(1);
      expect(await server.isAlive(grantId)).toBe(true);
    }
    await sleeper.end();
    await drop();
  });
});

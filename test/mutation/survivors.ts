interface Reason {
  readonly reason: string;
  /** By file of `src`: parts of the lines that were mutated. */
  readonly where: Readonly<Record<string, readonly string[]>>;
}

/** Why a mutant may survive. What is not named here is printed as not explained. */
export const REASONS: readonly Reason[] = [
  {
    reason: 'Only the time or the memory that it takes differs.',
    where: {
      'crypto/aes-gcm.ts': ['ivOffset === ivPool.length'],
      'keys/key-input.ts': ["Buffer.byteLength(text, 'base64')"],
      'core/async-cache.ts': ['value !== undefined && this', 'Math.min(this.#ttlMs + 1'],
      'core/audited.ts': ['if (!isTraced(operation))'],
      'core/lookup.ts': ['stored !== undefined && others.length > 0'],
      'core/tracing.ts': ['if (!isTraced(operation))'],
      'core/until-ended.ts': ['if (!signal?.aborted) throw error'],
      'core/write.ts': ['await sleep(', 'if (!has &&', 'writes.length === 0', '!trail.listened'],
      'migration/earlier-fields.ts': [
        'Math.min((this.#documents',
        '(this.#documents[counterOf(',
        'memory.size <= MAX_FIELDS',
        'of memory.keys()) {',
        'function counterOf(',
        'digest(tenantId) % COUNTERS',
      ],
      'migration/pending-record.ts': [
        'open.length > 0 &&',
        'options.earlier === undefined)',
        'readContents(core, kept, false)',
        'getMany(refs, { history })',
      ],
      'migration/tenant-import.ts': ['getMany(refs, { history: false })'],
      'vault/credentials.ts': ['shape === undefined', 'shapes.size >= MAX_SHAPES'],
      'vault/status.ts': ['const known ='],
    },
  },
  {
    reason: 'Secret bytes are overwritten that nothing can reach any more.',
    where: { 'crypto/aes-gcm.ts': ['} catch {'], 'keys/key-input.ts': ['} finally {'] },
  },
  {
    reason: 'What is left means the same: to Node, or to the code that follows.',
    where: {
      'crypto/aes-gcm.ts': ["'utf8'"],
      'core/audited.ts': ['{ once: true }'],
      'core/lookup.ts': ['.replace(/^00/', "'accept'"],
      'core/write.ts': ['const intents: Promise<void>[] = []'],
      'migration/migration-run.ts': ['after === undefined ? [0]'],
      'migration/pending-record.ts': ['outcomes: [] }'],
      'migration/plaintext.ts': ["String(original).trim() : ''"],
      'migration/tenant-documents.ts': ["this.#directory.get('',", '{ ids: undefined }'],
      'stores/key-table.ts': ['batchSize !== undefined'],
      'stores/record-table.ts': ["if (typeof value !== 'object' || value === null) return"],
      'vault/flat-operations.ts': ['let found = false'],
      'vault/history.ts': ['let purged = false'],
      'vault/options.ts': ['options.now && (() =>'],
    },
  },
  {
    reason:
      'The types of TypeScript ask for it: the value cannot be missing there, or what follows takes a missing one for the same.',
    where: {
      'core/async-cache.ts': ['oldest !== undefined'],
      'core/cache-watch.ts': ['this.#store.watch?.('],
      'core/cached-records.ts': ['this.#watch?.start()'],
      'core/lookup.ts': [
        'definition.fields[field]?.lookup',
        "[field = '', keyId = '']",
        'lookupEntries(stored) : []',
      ],
      'core/tracing.ts': ['() => ({})'],
      'core/write.ts': ['record.metadata?.rev'],
      'migration/mapping.ts': ['fields[field]?.pattern'],
      'migration/plaintext.ts': ['if (tenant.id === undefined || problem'],
      'migration/tenant-documents.ts': ['if (tenant.id === undefined) continue'],
      'migration/tenant-import.ts': ["(providers ?? '')"],
      'stores/file-key-store.ts': ['[written = false]'],
      'stores/file-store.ts': ['[written = false]'],
      'vault/changes.ts': ['view && opened &&'],
      'vault/history.ts': ['stored === undefined || !purged'],
      'vault/status.ts': ["stored !== undefined && 'fields' in stored"],
    },
  },
  {
    reason: 'Another check catches the same before or after it.',
    where: {
      'core/cache-watch.ts': ['if (this.#closed) return;'],
      'migration/migration-run.ts': ['source.count?.()'],
    },
  },
  {
    reason: 'It matters to two copies of the package in one process only: `test/package`.',
    where: { 'core/vault-core.ts': ["Symbol.for('provider-vault.core')"] },
  },
  {
    reason: 'Tests of another folder notice it: `test/unit/lifecycle`.',
    where: {
      'vault/secrets-vault.ts': ['fresh<const P extends ProviderRef>(provider: P, options?'],
    },
  },
  {
    reason: 'A process that has nothing else to do would end a second later.',
    where: { 'core/cache-watch.ts': ['{ ref: false }'] },
  },
  {
    reason: 'Only two events of the same moment, or of exactly the same size, tell them apart.',
    where: {
      'core/cache-watch.ts': ['performance.now() < this.#retryAt', 'performance.now() >= late'],
      'core/write.ts': ['characters <= MAX_HISTORY_CHARACTERS'],
    },
  },
  {
    reason:
      'A test notices it when it is run by hand, and Stryker does not run it: the module is loaded by another test, which counts as the only one that uses its constants.',
    where: {
      'core/lookup.ts': ["'provider-vault/lookup-key'"],
      'stores/key-table.ts': ['PROVIDER = '],
      'vault/find-tenants.ts': ['ALL_TENANTS = '],
    },
  },
  {
    reason:
      'A test file cannot even be loaded with it. That would fail any run of the tests, but Stryker counts failed tests only.',
    where: { 'keys/keyring.ts': ["randomBytes(KEY_BYTES).toString('base64')"] },
  },
];

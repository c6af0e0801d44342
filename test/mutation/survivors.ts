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
      'maintenance/batches.ts': [
        'before.length > 0',
        'batch.length > 0',
        'part || range ?',
        'maxPerSecond !== undefined',
        'due = Math.max(',
        'await sleep(',
      ],
      'lifecycle/health.ts': ['known.size > MAX_NOTED', '{ history: false }'],
      'lifecycle/lease.ts': [
        'leaseMs / LOOKS_PER_LEASE',
        'await sleep(',
        'pause = Math.min(',
        '{ history: false }',
        'seen.size > MAX_SIGHTINGS',
      ],
      'lifecycle/refresh.ts': [
        'stored.view.etag !== seen.view.etag',
        'pause?.etag === etag',
        'lease.msLeft() < timeoutMs',
        'pause = Math.min(',
        'pauses.size > MAX_PAUSES',
        'await sleep(',
      ],
      'lifecycle/rotation.ts': [
        'pause = Math.min(',
        'await sleep(',
        'LEASE_MS / 2',
        '{ history: false }',
      ],
      'stores/file/lock.ts': ['await sleep('],
      'maintenance/key-check.ts': ['const query ='],
      'maintenance/key-entries.ts': [
        'after !== undefined && { after }',
        'until !== undefined && { until }',
      ],
      'maintenance/reindex-lookup.ts': ['views.length > 0; attempt++', 'looking === undefined'],
      'maintenance/rewrap-keys.ts': ['next.size === 0'],
      'maintenance/rotate-keys.ts': ['await sleep(', "'then' in newKey", 'earlier.length === 0'],
      'maintenance/verify-vault.ts': ['unused.length > 0', 'this.#sums.size > MAX_SUMS'],
      'crypto/aes-gcm.ts': ['ivOffset === ivPool.length'],
      'keys/key-input.ts': ["Buffer.byteLength(text, 'base64')"],
      'core/async-cache.ts': ['value !== undefined && this', 'Math.min(this.#ttlMs + 1'],
      'core/audited.ts': ['if (!isTraced(operation))'],
      'core/lookup.ts': ['stored !== undefined && others.length > 0'],
      'core/tracing.ts': ['if (!isTraced(operation))'],
      'core/until-ended.ts': ['if (!signal?.aborted) throw error'],
      'core/write.ts': ['await sleep(', 'if (!has &&', 'writes.length === 0', '!trail.listened'],
      'maintenance/copy-records.ts': ['views.length > 0', 'history = false', '{ history })'],
      'maintenance/erase-tenant.ts': ['{ history: false }'],
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
      'lifecycle/refresh-due.ts': ['withinMs !== undefined && {', 'actor !== undefined && {'],
      'lifecycle/refresh.ts': ['return [];'],
      'maintenance/batches.ts': [
        'total !== undefined && { total }',
        'failure ??= { error }; // no',
        'store.count?.()',
        'compareRefs(start, place) > 0',
      ],
      'stores/file/format.ts': ['value?.tenantId'],
      'stores/file/lock.ts': ["readFileSync(aside, 'utf8')", "'zombie'", 'undefined)?.code'],
      'lifecycle/health.ts': [
        '} catch {',
        '?? { etag: undefined }',
        "'accept'",
        'code !== undefined && { code }',
        'record === undefined',
      ],
      'lifecycle/lease.ts': ["'accept'"],
      'lifecycle/rotation.ts': [
        "'accept'",
        '!== undefined && { made: JSON',
        '!== undefined && { revokeAt',
        'return value === undefined',
      ],
      'maintenance/key-check.ts': ["'accept'"],
      'maintenance/reindex-lookup.ts': ["'accept'", "'ours'"],
      'maintenance/renew-keys.ts': ['const end ='],
      'maintenance/verify-vault.ts': ["'accept'"],
      'crypto/aes-gcm.ts': ["'utf8'"],
      'core/audited.ts': ['{ once: true }'],
      'core/lookup.ts': ['.replace(/^00/', "'accept'"],
      'core/write.ts': ['const intents: Promise<void>[] = []'],
      'maintenance/copy-records.ts': ['createdA > createdB'],
      'maintenance/rotate-keys.ts': ["'accept'", "outcome: 'rotated', next", '{ ...version }'],
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
      'lifecycle/health.ts': ["state = '', etag = ''"],
      'lifecycle/rotation.ts': ["id = '', before = '{}'"],
      'stores/file/lock.ts': ['if (holder !== undefined && ('],
      'stores/file/record-file.ts': ['[deleted = false]', 'results[at] ?? []'],
      'maintenance/key-check.ts': ['const keyIds ='],
      'maintenance/verify-vault.ts': ['const decryptionOnly ='],
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
      'maintenance/copy-records.ts': ["[, first = '', place = '']", '([done = false])'],
      'maintenance/erase-tenant.ts': ['if (stored === undefined)'],
      'maintenance/rewrap-keys.ts': [
        "error.code : 'unexpected'",
        'current.rewrap?.(',
        'key !== stored?.keys[at]',
      ],
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
      'lifecycle/health.ts': ['view.ref.provider === ref.provider', 'current?.etag !== etag'],
      'lifecycle/refresh.ts': [
        'if (signal.aborted)',
        'base.view.etag === next.etag',
        '/^ERR_(STORE_',
      ],
      'maintenance/batches.ts': ['if (failure !== undefined) throw failure.error;'],
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
      'lifecycle/refresh.ts': [
        'if (refused) {',
        "if (!isVaultError(error, 'ERR_LEASE_TIMEOUT')) throw",
      ],
      'lifecycle/rotation.ts': ['performance.now() >= end'],
      'stores/file/lock.ts': ['now - begun > GIVE_UP_MS'],
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
  {
    reason: 'It needs a disk or a machine that is full or busy.',
    where: {
      'stores/file/lock.ts': ["readIfThere(lock) === ''"],
      'stores/file/record-file.ts': [
        "'ENOSPC',",
        "'EDQUOT',",
        "'EMFILE',",
        "'ENFILE',",
        "'EAGAIN',",
        "'EBUSY',",
      ],
    },
  },
  {
    reason: 'Two processes tell them apart, at the same moment: `test/integration/file-processes`.',
    where: {
      'stores/file/lock.ts': [
        'renameSync(lockPath(path), aside)',
        "=== 'ENOENT') return;",
        '} catch (error) {',
        'rmSync(aside',
        'if (isHeld()) rmSync(',
      ],
    },
  },
  {
    reason: 'It needs a process or a file of another user.',
    where: {
      'stores/file/lock.ts': ["=== 'ESRCH'"],
      'stores/file/record-file.ts': ["!== 'ENOENT') throw this.#failure(error)"],
      'stores/file/draft.ts': ['replaced.uid !=='],
    },
  },
  {
    reason: 'It matters to another system than Linux, or after a power failure.',
    where: {
      'stores/file/lock.ts': [
        "let namespace = ''",
        'actual !== undefined',
        'const fields =',
        'fields?.[',
      ],
      'stores/file/draft.ts': ['export async function syncFolder', "'win32'", 'handle', 'try {'],
    },
  },
  {
    reason: 'Only the wording of a message differs.',
    where: { 'stores/file/record-file.ts': ['const MEANINGS'] },
  },
  {
    reason: 'A program may assign to the name of an error, and none of ours does.',
    where: { 'maintenance/long-operation.ts': ['writable: true'] },
  },
  {
    reason: 'It says for how long a store that is away is waited for; a test would take as long.',
    where: {
      'lifecycle/refresh.ts': ['performance.now() > deadline'],
      'maintenance/batches.ts': ['failures <= MAX_RETRIES', 'failures++'],
    },
  },
];

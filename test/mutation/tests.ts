/** The folders of `src` that are mutated, and the tests that have to notice. */
export const TESTS = {
  crypto: ['unit/crypto/*', 'unit/vault/binding'],
  keys: ['unit/keys/*', 'unit/crypto/*', 'unit/kms/local-wrapper', 'unit/tenant-keys/records'],
  core: [
    'unit/vault/*',
    'unit/audit/*',
    'unit/clients/client-cache',
    'unit/lifecycle/refresh-due',
    'unit/maintenance/audit-events',
    'unit/maintenance/rotate-keys',
    'unit/migration/first-use',
  ],
  stores: ['contract/stores', 'contract/key-stores', 'unit/stores/*', 'integration/file-store'],
  'stores/file': [
    'unit/stores/file-*',
    'contract/stores',
    'contract/key-stores',
    'integration/file-store',
  ],
  vault: ['unit/vault/*', 'unit/audit/*', 'unit/migration/first-use'],
  lifecycle: ['unit/lifecycle/*'],
  maintenance: [
    'unit/maintenance/*',
    'unit/tenant-keys/rewrap',
    'unit/tenant-keys/erase-tenant',
    'unit/tenant-keys/records',
    'unit/vault/lookup',
  ],
  migration: ['unit/migration/*', 'unit/tenant-keys/erase-tenant', 'integration/migrate-states'],
} as const;

/** Folders whose tests ask a MongoDB server; each of the two runs starts one of its own. */
export const WITH_MONGO: readonly string[] = ['migration'];

export type Folder = keyof typeof TESTS;

/** Those that wait for time to pass, the slowest last. */
export const SLOW = [
  'unit/vault/lookup',
  'unit/vault/history',
  'unit/audit/audit',
  'unit/vault/vault',
  'unit/vault/tracing',
  'unit/vault/until-ended',
  'unit/vault/cache-invalidation',
  'unit/migration/values',
  'unit/tenant-keys/records',
  'unit/tenant-keys/erase-tenant',
  'unit/maintenance/rotate-keys',
  'unit/maintenance/copy-records',
  'unit/maintenance/long-operation',
  'unit/tenant-keys/rewrap',
  'integration/file-store',
  'contract/stores',
  'unit/lifecycle/refresh-due',
  'unit/lifecycle/lease',
  'unit/lifecycle/rotation',
  'unit/lifecycle/refresh',
  'unit/lifecycle/health',
];

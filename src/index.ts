export type { AuditAction, AuditEvent } from './audit/audit-event.ts';
export { AUDIT_ERROR_CHANNEL, type AuditOptions, type AuditSink } from './audit/audit-sink.ts';
export { AUDIT_CHANNEL } from './audit/audit-trail.ts';
export type { ResolvedCredentials } from './clients/credentials.ts';
export { defineClientFactory } from './clients/define-client-factory.ts';
export type { CheckHealthOptions, HealthReport } from './connections/check-health.ts';
export { rotateCredential, rotateDue } from './connections/rotate-credential.ts';
export type { RotateDueOptions, RotateDueReport } from './connections/rotate-due.ts';
export type { RotateOptions, RotateResult } from './connections/run-rotation.ts';
export type { ConnectionTestOptions, TestConnectionOptions } from './connections/run-test.ts';
export { checkHealth, testConnection } from './connections/test-connection.ts';
export type { ReadOptions, WriteOptions } from './core/options.ts';
export { TRACED_OPERATIONS, type TraceContext, type TracedOperation } from './core/tracing.ts';
export type { UnboundPolicy } from './core/vault-core.ts';
export { open, seal } from './crypto/codec.ts';
export {
  type AnyVaultError,
  isVaultError,
  VAULT_ERROR_CODES,
  VaultError,
  type VaultErrorCode,
} from './errors.ts';
export type { KeyInput } from './keys/key-input.ts';
export type { KeyTexts } from './keys/key-texts.ts';
export type { KeyContext, KeyWrapper } from './keys/key-wrapper.ts';
export {
  type Environment,
  generateKey,
  Keyring,
  type KeyringOptions,
} from './keys/keyring.ts';
export type { KeyProvider, VaultKey } from './keys/vault-key.ts';
export {
  type CredentialHealth,
  HEALTH_CHANNEL,
  type HealthEvent,
  type HealthState,
} from './lifecycle/health-event.ts';
export { refreshDue } from './lifecycle/operations.ts';
export type { RefreshDueOptions, RefreshReport } from './lifecycle/refresh-due.ts';
export type { CopyOptions, CopyReport } from './maintenance/copy-records.ts';
export type { EraseTenantOptions, ErasureReport } from './maintenance/erase-tenant.ts';
export {
  type LongOperationOptions,
  OperationError,
  type OperationIssue,
  type OperationPart,
  type OperationProgress,
} from './maintenance/long-operation.ts';
export {
  copyRecords,
  eraseTenant,
  reindexLookup,
  renewKeys,
  rotateKeys,
  verifyKeys,
  verifyVault,
} from './maintenance/operations.ts';
export type { ReindexReport } from './maintenance/reindex-lookup.ts';
export type { RenewalReport, RenewKeysOptions } from './maintenance/renew-keys.ts';
export type { RewrapReport } from './maintenance/rewrap-keys.ts';
export type { RotationReport } from './maintenance/rotate-keys.ts';
export type { VerificationCounts, VerificationReport } from './maintenance/verify-vault.ts';
export type { SettingsMapping } from './migration/mapping.ts';
export { migrateFromSettings } from './migration/migrate-from-settings.ts';
export type { MigrateOptions, MigrationReport } from './migration/migration-run.ts';
export type { SettingsOptions } from './migration/settings-options.ts';
export type {
  SettingsDocument,
  SettingsErasure,
  SettingsQuery,
  SettingsSource,
} from './migration/settings-source.ts';
export * from './mongo/index.ts';
export {
  anthropicProvider,
  type BuiltInProviders,
  geminiProvider,
  openaiProvider,
  smtpProvider,
} from './providers/built-in.ts';
export type {
  ConnectionProblem,
  ConnectionResult,
  TestContext,
} from './providers/connection-result.ts';
export {
  defineProvider,
  type FieldDefinition,
  type LacksField,
  type ProviderDefinition,
  type RefreshContext,
  type RefreshDefinition,
  type RequiredField,
} from './providers/define-provider.ts';
export { DEFAULT_TENANT, type EnvOverride } from './providers/environment.ts';
export type { ChangesOf, FieldNameOf, FieldsOf, ProviderRef } from './providers/fields.ts';
export { REDACTED } from './providers/mask.ts';
export type { ProviderCapabilities, ProviderMethod } from './providers/methods.ts';
export type { RotationContext, RotationDefinition, RotationFields } from './providers/rotation.ts';

export {
  etag,
  type SealedVersion,
  type SecretInfo,
  type SecretMetadata,
  type SecretRecord,
  type SecretRef,
} from './record.ts';
export * from './sendgrid/index.ts';
export { FileKeyStore } from './stores/file-key-store.ts';
export { FileSecretStore } from './stores/file-store.ts';
export type {
  KeyEntry,
  KeyErasure,
  KeyScanQuery,
  KeyStore,
  StoredKey,
} from './stores/key-store.ts';
export { MemoryKeyStore } from './stores/memory-key-store.ts';
export { MemorySecretStore } from './stores/memory-store.ts';
export type {
  ScanQuery,
  ScanRange,
  SecretStore,
  StoreLookup,
  StoreReadOptions,
  StoreWrite,
} from './stores/secret-store.ts';
export {
  TenantKeys,
  type TenantKeysCache,
  type TenantKeysOptions,
} from './tenant-keys/tenant-keys.ts';
export * from './twilio/index.ts';
export type { AllCredentials, Credentials, CredentialsMembers } from './vault/credentials.ts';
export type { SecretVersion } from './vault/history.ts';
export type { CacheOptions, HistoryLimit, SecretsVaultOptions } from './vault/options.ts';
export { type ManyResult, SecretsVault, type TenantVault } from './vault/secrets-vault.ts';
export type { FieldStatus, ProviderState, ProviderStatus, StatusOptions } from './vault/status.ts';

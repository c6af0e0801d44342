export type { AuditAction, AuditEvent } from './audit/audit-event.ts';
export { AUDIT_ERROR_CHANNEL, type AuditOptions, type AuditSink } from './audit/audit-sink.ts';
export { AUDIT_CHANNEL } from './audit/audit-trail.ts';
export { defineClientFactory, type ResolvedCredentials } from './clients/define-client-factory.ts';
export {
  type ConnectionProblem,
  type ConnectionResult,
  type TestConnectionOptions,
  testConnection,
} from './clients/test-connection.ts';
export { open, seal } from './crypto/codec.ts';
export { isVaultError, VAULT_ERROR_CODES, VaultError, type VaultErrorCode } from './errors.ts';
export type { KeyInput } from './keys/key-input.ts';
export { type Environment, generateKey, Keyring, type KeyringOptions } from './keys/keyring.ts';
export type { KeyProvider, VaultKey } from './keys/vault-key.ts';
export * from './mongo.ts';
export type {
  LongOperationOptions,
  OperationIssue,
  OperationProgress,
} from './operations/long-operation.ts';
export {
  type MigrateOptions,
  type MigrationReport,
  migrateFromSettings,
} from './operations/migrate-from-settings.ts';
export { type RotationReport, rotateKeys } from './operations/rotate-keys.ts';
export {
  type VerificationCounts,
  type VerificationReport,
  verifyVault,
} from './operations/verify-vault.ts';
export {
  defineProvider,
  type FieldDefinition,
  type LacksField,
  type ProviderDefinition,
  type RequiredField,
} from './providers/define-provider.ts';
export { DEFAULT_TENANT, type EnvOverride } from './providers/environment.ts';
export type { ChangesOf, FieldNameOf, FieldsOf, ProviderRef } from './providers/fields.ts';
export { REDACTED } from './providers/mask.ts';
export {
  anthropicProvider,
  geminiProvider,
  openaiProvider,
  smtpProvider,
} from './providers/others.ts';
export type { BuiltInProviders } from './providers/registry.ts';
export type { SealedVersion, SecretInfo, SecretMetadata, SecretRecord } from './record/record.ts';
export type { SecretRef } from './record/ref.ts';
export * from './sendgrid.ts';
export type { SettingsMapping } from './settings/settings-mapping.ts';
export type { SettingsOrigin } from './settings/settings-origin.ts';
export type {
  SettingsDocument,
  SettingsErasure,
  SettingsQuery,
  SettingsSource,
} from './settings/settings-source.ts';
export { FileSecretStore } from './stores/file-store.ts';
export { MemorySecretStore } from './stores/memory-store.ts';
export type { ScanQuery, SecretStore, StoreWrite } from './stores/secret-store.ts';
export * from './twilio.ts';
export type { BundleVault } from './vault/bundle-vault.ts';
export type { AllCredentials, Credentials, CredentialsMembers } from './vault/credentials.ts';
export type { SecretVersion } from './vault/history.ts';
export type { ReadOptions, WriteOptions } from './vault/operation-options.ts';
export type { UnboundPolicy } from './vault/sealer.ts';
export { SecretsVault } from './vault/secrets-vault.ts';
export type { FieldStatus, ProviderState, ProviderStatus, StatusOptions } from './vault/status.ts';
export type { TenantVault } from './vault/tenant-vault.ts';
export type { CacheOptions, SecretsVaultOptions } from './vault/vault-options.ts';

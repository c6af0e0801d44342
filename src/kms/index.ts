export { type AwsKmsClient, type AwsKmsOptions, awsKms } from './aws-kms.ts';
export {
  type AzureCryptographyClient,
  type AzureKeyVaultOptions,
  azureKeyVault,
} from './azure-key-vault.ts';
export { type GcpKmsClient, type GcpKmsOptions, gcpKms } from './gcp-kms.ts';
export { localWrapper } from './local-wrapper.ts';
export { type VaultTransitOptions, vaultTransit } from './vault-transit.ts';

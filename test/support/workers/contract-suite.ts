// What a test in another realm needs to check a store, in one module.
export { FileSecretStore } from '../../../src/stores/file-store.ts';
export { MemorySecretStore } from '../../../src/stores/memory-store.ts';
export { describeSecretStore } from '../../../src/testing/store-contract/describe-secret-store.ts';

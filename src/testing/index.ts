export { credentialFingerprint } from './credential-fingerprint.ts';
export {
  type FakeSendGrid,
  type FakeSendGridKey,
  type FakeSendGridMail,
  type FakeSendGridOptions,
  type FakeSendGridRequest,
  startFakeSendGrid,
} from './fake-sendgrid.ts';
export {
  type FakeTwilio,
  type FakeTwilioAccount,
  type FakeTwilioApiKey,
  type FakeTwilioCall,
  type FakeTwilioClientOptions,
  type FakeTwilioClientSettings,
  type FakeTwilioMessage,
  type FakeTwilioOptions,
  type FakeTwilioRequest,
  startFakeTwilio,
  type TwilioModule,
} from './fake-twilio.ts';
export { type FaultyMethod, FaultyStore, type StoreFault } from './faulty-store.ts';
export type { StandInFailure } from './stand-in-failure.ts';
export { describeSecretStore } from './store-contract/describe-secret-store.ts';
export type { ContractRunner, ContractTarget } from './store-contract/target.ts';

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
export type { StandInFailure } from './stand-in-failure.ts';

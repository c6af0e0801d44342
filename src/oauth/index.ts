export {
  type ConnectStart,
  type FinishConnectOptions,
  finishConnect,
  type StartConnectOptions,
  startConnect,
} from './connect.ts';
export type { OAuthApp, OAuthField, OAuthSettings } from './connection.ts';
export { defineOAuthProvider, type OAuthProvider } from './define-oauth-provider.ts';
export { googleMail, microsoft365, type PresetOptions, slack } from './presets.ts';

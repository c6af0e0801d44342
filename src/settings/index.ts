export type {
  ActivityEntry,
  FieldView,
  HealthView,
  MethodView,
  Permissions,
  ProviderView,
  SaveRequest,
  SettingsFailure,
  SettingsOverview,
  TestRequest,
  TestResult,
  WebhookView,
} from './contract.ts';
export {
  createSettingsHandler,
  type SettingsHandlerOptions,
  type SettingsIdentity,
} from './handler.ts';
export { connectMessage, type SettingsMessages, settingsMessages } from './messages.ts';
export { type NodeRequest, nodeRequest, toNodeListener } from './node.ts';
export { settingsSchema } from './schema.ts';

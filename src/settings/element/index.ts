import { ProviderSettings } from './element.ts';

export type {
  ActivityEntry,
  FieldView,
  HealthView,
  MethodView,
  Permissions,
  ProviderView,
  SettingsOverview,
  WebhookView,
} from '../contract.ts';
export type { RequestHeaders } from './api.ts';
export { ProviderSettings } from './element.ts';
export { type ElementStrings, elementStrings } from './strings.ts';

declare global {
  interface HTMLElementTagNameMap {
    'provider-settings': ProviderSettings;
  }
}

if (globalThis.customElements && !customElements.get('provider-settings')) {
  customElements.define('provider-settings', ProviderSettings);
}

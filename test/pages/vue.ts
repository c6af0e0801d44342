import 'provider-vault/settings/element';
import type { ProviderSettings, ProviderView } from 'provider-vault/settings/element';
import { defineComponent, h, ref } from 'vue';

/** In a template: `<provider-settings src="/api/provider-settings" :headers="headers">`. */
export const SettingsPage = defineComponent({
  props: { csrfToken: { type: String, required: true } },
  setup(props) {
    const settings = ref<ProviderSettings>();
    return () =>
      h('provider-settings', {
        ref: settings,
        src: '/api/provider-settings',
        headers: { 'x-csrf-token': props.csrfToken },
        'onProvider-saved': ({ detail }: CustomEvent<{ provider: ProviderView }>) => {
          document.title = detail.provider.label;
        },
        'onLogin-required': () => settings.value?.refresh(),
      });
  },
});

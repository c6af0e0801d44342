/**
 * The words of `<provider-settings>`, in English. Words in braces are replaced. Sentences about errors
 * come from the server: translate them there.
 *
 * @public
 */
export const elementStrings = {
  title: 'Provider settings',
  loading: 'Loading settings…',
  empty: 'There is nothing to connect yet.',
  loadFailed: 'The settings could not be loaded.',
  offline: 'The server cannot be reached. Check your connection.',
  unexpected: 'The server did not answer as expected. Try again.',
  retry: 'Retry',
  readyFor: 'Ready for: {list}',
  connected: 'Connected',
  notConnected: 'Not connected',
  failing: 'Does not work',
  needs: 'Still missing: {list}',
  unreadable: 'Cannot be read',
  unreadableHelp:
    'What is stored cannot be opened. Remove it and enter it again, or ask your support.',
  overridden: 'Set by your operator',
  overriddenHelp:
    'Your operator uses other credentials at the moment. What you save is used afterwards.',
  halfOverriddenHelp:
    'Your operator has set only a part of other credentials. Until that is mended, nothing works: ask your support.',
  reauthorize: 'The provider refuses these credentials. Enter new ones.',
  expiring: 'These credentials expire soon.',
  methods: 'How do you want to connect?',
  recommended: 'Recommended',
  credentials: 'Credentials',
  alsoFor: 'What you use it for',
  neededFor: 'Needed for: {list}',
  more: 'More settings',
  stored: 'Stored: {mask}. Type to replace it.',
  storedOnly: 'Stored: {mask}.',
  example: 'Looks like: {example}',
  invalid: 'Some fields need another look.',
  looksLike: 'This does not have the expected form: {example}.',
  wrongForm: 'This does not have the expected form.',
  help: 'Where do I find this?',
  show: 'Show',
  hide: 'Hide',
  remove: 'Remove',
  undo: 'Undo',
  willBeRemoved: 'Is removed when you save.',
  alsoRemoves: 'Saving also removes: {list}.',
  save: 'Save',
  saving: 'Saving…',
  saved: 'Saved.',
  discard: 'Discard',
  discarded: 'Changes discarded.',
  connection: 'Connection',
  test: 'Test connection',
  testing: 'Testing…',
  verified: 'Verified {when}',
  lastSaved: 'Saved {when}',
  lastSavedBy: 'Saved {when} by {actor}',
  conflictFields: 'Changed meanwhile: {list}.',
  removedMeanwhile: 'It was removed.',
  loadAgain: 'Load again',
  review: 'Review',
  keepMine: 'Keep mine',
  theirs: 'Now stored: {value}',
  nothing: 'nothing',
  webhooks: 'Enter at {label}',
  copy: 'Copy',
  copied: 'Copied',
  removeAll: 'Remove {label}…',
  removeTitle: 'Remove {label}?',
  removeStops: 'These stop working: {list}.',
  removeNothing: 'Nothing uses it at the moment.',
  removeProvider: 'The credentials are deleted here. At the provider nothing changes.',
  removeConfirm: 'Remove {label}',
  removeConfirmStops: 'Remove {label} and stop {list}',
  keep: 'Keep it',
  removed: '{label} is removed.',
  activity: 'Recent activity',
  'capability.sms': 'text messages',
  'capability.calls': 'calls',
  'capability.whatsapp': 'WhatsApp',
  'capability.email': 'e-mail',
  'capability.events': 'e-mail events',
  'capability.ai': 'AI',
};

/**
 * The words of `<provider-settings>`.
 *
 * @public
 */
export type ElementStrings = typeof elementStrings;

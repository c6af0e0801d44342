export * from './common.ts';

export declare const api: {
  createToken(by: string, name: string): Promise<string>;
  deleteTokensNamed(by: string, name: string): Promise<void>;
  isValid(token: string): Promise<boolean>;
  deleteToken(by: string, token: string): Promise<void>;
};

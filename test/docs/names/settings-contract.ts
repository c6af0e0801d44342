export declare const etag: string;

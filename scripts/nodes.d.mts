/** Exact release per supported line. */
export declare const nodeVersions: Readonly<Record<number, string>>
export declare const majors: readonly number[]
/** Absolute path of a Node binary of a line (`24`) or an exact release (`'22.15.0'`); fetched at its first use. */
export declare function nodePath(wanted: number | string): string

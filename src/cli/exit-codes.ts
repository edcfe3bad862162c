// What an exit code of the command line means.

/** 1: the thing asked for was refused or failed. 2: the command could not be understood or carried out. */
export const exitCodes = { failed: 1, unusable: 2 } as const;

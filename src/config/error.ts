// What is wrong with a setting.

/** A setting that cannot be used: one sentence that names it and where it came from. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}

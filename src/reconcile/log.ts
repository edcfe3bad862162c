// The part of a logger that the loops use (pino's shape). No secret is ever a field.
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// What is known of the channels of all gateways of an instance that are not up, and the logs that it is read from.
import { GatewayDiagnosis } from "../../diagnosis/gateway-diagnosis.ts";
import { readLogLine } from "./log-line.ts";
import { LogTail } from "./log-tail.ts";

interface Followed {
  readonly diagnosis: GatewayDiagnosis;
  readonly tail: LogTail;
}

export class Diagnoses {
  readonly #logOf: (gatewayId: number) => string;
  readonly #onFailure: (gatewayId: number, error: unknown) => void;
  readonly #followed = new Map<number, Followed>();

  /** @param onFailure hears why a log cannot be read; it is tried again */
  constructor(logOf: (gatewayId: number) => string, onFailure: (gatewayId: number, error: unknown) => void) {
    this.#logOf = logOf;
    this.#onFailure = onFailure;
  }

  find(gatewayId: number): GatewayDiagnosis | undefined {
    return this.#followed.get(gatewayId)?.diagnosis;
  }

  /** From now on its charon's log is read; the directory of it is there. */
  follow(gatewayId: number): GatewayDiagnosis {
    const known = this.find(gatewayId);
    if (known !== undefined) return known;
    const diagnosis = new GatewayDiagnosis();
    const hear = (lines: readonly string[]) => {
      for (const line of lines) {
        const read = readLogLine(line);
        if (read !== undefined) diagnosis.hear(read);
      }
    };
    const tail = new LogTail(this.#logOf(gatewayId), hear, (error) => this.#onFailure(gatewayId, error));
    this.#followed.set(gatewayId, { diagnosis, tail });
    return diagnosis;
  }

  forget(gatewayId: number): void {
    this.#followed.get(gatewayId)?.tail.close();
    this.#followed.delete(gatewayId);
  }

  close(): void {
    for (const gatewayId of [...this.#followed.keys()]) this.forget(gatewayId);
  }
}

// What is known of the channels of all gateways of an instance that are not up, and the logs that it is read from.
import { GatewayDiagnosis } from "../../diagnosis/gateway-diagnosis.ts";
import { readLogLine } from "./log-line.ts";
import { LogTail } from "./log-tail.ts";

interface Followed {
  readonly diagnosis: GatewayDiagnosis;
  readonly tail: LogTail;
}

interface DiagnosesListener {
  /** Something new is known. At most twice a second for each gateway. */
  onNews(gatewayId: number): void;
  /** Why a log cannot be read; it is tried again. */
  onFailure(gatewayId: number, error: unknown): void;
}

export class Diagnoses {
  readonly #logOf: (gatewayId: number) => string;
  readonly #on: DiagnosesListener;
  readonly #followed = new Map<number, Followed>();

  constructor(logOf: (gatewayId: number) => string, listener: DiagnosesListener) {
    this.#logOf = logOf;
    this.#on = listener;
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
      const { unknownPeers } = diagnosis;
      const news = lines.flatMap((line) => readLogLine(line) ?? []).filter((line) => diagnosis.hear(line));
      if (news.length > 0 || diagnosis.unknownPeers !== unknownPeers) this.#on.onNews(gatewayId);
    };
    const tail = new LogTail(this.#logOf(gatewayId), hear, (error) => this.#on.onFailure(gatewayId, error));
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

// A control with somebody at its elbow: what is asked and told can be refused, and answers can be lost on the way back.
import type { Control } from "../../src/control/control.ts";

type Call = Exclude<keyof Control, "watch">;

export class ScriptedControl implements Control {
  /** Every call that was made, refused or not. */
  readonly calls: Call[] = [];
  /** Called before a call is carried out; throws to refuse it. */
  onCall: (call: Call, gatewayId: number | undefined) => void = () => {};
  /** Called when it has been carried out; throws to lose the answer. */
  onAnswer: (call: Call) => void = () => {};
  readonly #inner: Control;

  constructor(inner: Control) {
    this.#inner = inner;
  }

  renew(isStopping?: boolean) {
    return this.#pass("renew", undefined, () => this.#inner.renew(isStopping));
  }

  release(gatewayId: number) {
    return this.#pass("release", gatewayId, () => this.#inner.release(gatewayId));
  }

  watch(...args: Parameters<Control["watch"]>) {
    return this.#inner.watch(...args);
  }

  readGateway(...args: Parameters<Control["readGateway"]>) {
    return this.#pass("readGateway", args[0], () => this.#inner.readGateway(...args));
  }

  readMemory(gatewayId: number) {
    return this.#pass("readMemory", gatewayId, () => this.#inner.readMemory(gatewayId));
  }

  recordRound(...args: Parameters<Control["recordRound"]>) {
    return this.#pass("recordRound", args[0].id, () => this.#inner.recordRound(...args));
  }

  recordRemoval(...args: Parameters<Control["recordRemoval"]>) {
    return this.#pass("recordRemoval", args[0].id, () => this.#inner.recordRemoval(...args));
  }

  recordFailure(...args: Parameters<Control["recordFailure"]>) {
    return this.#pass("recordFailure", args[0].id, () => this.#inner.recordFailure(...args));
  }

  addTraffic(...args: Parameters<Control["addTraffic"]>) {
    return this.#pass("addTraffic", args[0], () => this.#inner.addTraffic(...args));
  }

  forgetCounters(...args: Parameters<Control["forgetCounters"]>) {
    return this.#pass("forgetCounters", args[0], () => this.#inner.forgetCounters(...args));
  }

  async #pass<T>(call: Call, gatewayId: number | undefined, work: () => Promise<T>): Promise<T> {
    this.calls.push(call);
    this.onCall(call, gatewayId);
    const answer = await work();
    this.onAnswer(call);
    return answer;
  }
}

// The simulated data plane with somebody at its elbow: every step and every look is written down, and can be refused or held back.
import type { ActualGateway, Dataplane, GatewaySpec, Step } from "../../src/dataplane/dataplane.ts";
import { SimulatedDataplane } from "../../src/dataplane/simulated.ts";
import type { Trouble } from "../../src/diagnosis/diagnosis.ts";
import type { IkeSettings, IpsecSettings } from "../../src/vpn/algorithms.ts";
import type { UnknownPeer } from "../../src/vpn/diagnosis.ts";

export interface TakenStep {
  readonly gatewayId: number;
  readonly step: Step;
}

export interface TakenLook {
  readonly gatewayId: number;
  readonly isThorough: boolean;
  readonly atMs: number;
}

/** Throws to refuse; what it returns is waited for. */
type Interference<T> = (about: T) => unknown;

export class ScriptedDataplane implements Dataplane {
  readonly kind = "simulated";
  /** Every step that was asked for, refused or not. */
  readonly steps: TakenStep[] = [];
  readonly looks: TakenLook[] = [];
  /** What is wrong beside what the simulated data plane finds, by connection. */
  readonly troubles = new Map<string, Trouble>();
  unknownPeers: readonly UnknownPeer[] | undefined;
  isClosed = false;
  /** Called before a step is done. */
  onApply: Interference<TakenStep> = () => {};
  /** Called before anything is looked at. */
  onObserve: Interference<TakenLook> = () => {};
  /** What findRefusal answers. */
  onFindRefusal: (ike: IkeSettings, ipsec: IpsecSettings) => string | undefined = () => undefined;
  readonly #inner: SimulatedDataplane;
  readonly #specs = new Map<number, GatewaySpec>();
  #listener: (gatewayId: number) => void = () => {};

  constructor(options: { delayMs?: number } = {}) {
    this.#inner = new SimulatedDataplane(options);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  listGatewayIds(): Promise<readonly number[]> {
    return this.#inner.listGatewayIds();
  }

  permit(gatewayIds: readonly number[], forMs: number): Promise<void> {
    return this.#inner.permit(gatewayIds, forMs);
  }

  /** Whether it may send and receive. */
  isPermitted(gatewayId: number): boolean {
    return this.#inner.isPermitted(gatewayId);
  }

  async observe(gatewayId: number, isThorough: boolean): Promise<ActualGateway> {
    const look = { gatewayId, isThorough, atMs: Date.now() };
    this.looks.push(look);
    await this.onObserve(look);
    const actual = await this.#inner.observe(gatewayId, isThorough);
    const unknownPeers = this.unknownPeers ?? actual.unknownPeers;
    return { ...actual, troubles: new Map([...actual.troubles, ...this.troubles]), unknownPeers };
  }

  async findRefusal(ike: IkeSettings, ipsec: IpsecSettings): Promise<string | undefined> {
    return this.onFindRefusal(ike, ipsec);
  }

  async apply(gateway: GatewaySpec, step: Step): Promise<void> {
    const taken = { gatewayId: gateway.id, step };
    this.steps.push(taken);
    this.#specs.set(gateway.id, gateway);
    await this.onApply(taken);
    await this.#inner.apply(gateway, step);
  }

  onChange(listener: (gatewayId: number) => void): void {
    this.#listener = listener;
    this.#inner.onChange(listener);
  }

  /** The gateways live on, and so does this object for the next server. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.#listener = () => {};
    this.#inner.onChange(() => {});
  }

  /** What is there, without a look being counted. What has ended is told to whoever looks for real. */
  async peek(gatewayId: number): Promise<ActualGateway> {
    return this.#inner.peek(gatewayId);
  }

  /** Bytes go through a child. */
  carry(gatewayId: number, child: string, traffic: { bytesIn: number; bytesOut: number }): void {
    this.#inner.carry(gatewayId, child, traffic);
  }

  /** A step that nobody of ours has asked for: the machine's own doing, or a stranger's. */
  async befall(gatewayId: number, step: Step): Promise<void> {
    const nobody = { id: gatewayId, uid: "", vpcId: 0, vpcUid: "", vpcCidr: "", vpcAddress: "", publicAddress: "" };
    await this.#inner.apply(this.#specs.get(gatewayId) ?? nobody, step);
  }

  /** All SAs of a gateway are gone at once, and nobody is told. */
  async loseSas(gatewayId: number): Promise<void> {
    for (const { uniqueId, connection } of (await this.peek(gatewayId)).ikeSas) {
      await this.befall(gatewayId, { kind: "terminate-ike-sa", uniqueId, connection });
    }
  }

  /** Says that something has changed. */
  report(gatewayId: number): void {
    this.#listener(gatewayId);
  }

  /** Kinds of the steps from one on, in order. */
  kindsSince(index: number): string[] {
    return this.steps.slice(index).map(({ step }) => step.kind);
  }
}

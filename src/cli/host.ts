// `culvert host …`: works on the store directly, also beside running servers.
import { setTimeout as pause } from "node:timers/promises";
import { InvalidArgumentError } from "commander";
import type { Config } from "../config.ts";
import {
  createHost,
  getHost,
  HostError,
  type HostListing,
  listHosts,
  removeHost,
  replaceHostToken,
  setHostState,
} from "../operations/hosts.ts";
import { openExistingStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { type HostLabels, type HostState, isHostName, isLabelKey } from "../vpn/gateway-host.ts";
import { exitCodes } from "./exit-codes.ts";
import { printTable } from "./table.ts";

const drainPollMs = 500;
const mostCapacity = 1_000_000;
const longestLabel = 253;

/** What is refused is told in one sentence, with exit code 1. */
async function withStore(config: Config, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openExistingStore(config);
  try {
    await work(store);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    fail(error.message);
  } finally {
    await store.close();
  }
}

function fail(message: string): void {
  process.stderr.write(`culvert: ${message}\n`);
  process.exitCode = exitCodes.failed;
}

/** @throws InvalidArgumentError */
export function parseHostName(text: string): string {
  if (!isHostName(text)) throw new InvalidArgumentError("A host name such as vpn1.example.org is expected.");
  return text;
}

/** Adds `key=value` to the labels before it. @throws InvalidArgumentError */
export function parseLabel(text: string, before: HostLabels = {}): HostLabels {
  const [, key = "", value = ""] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (!isLabelKey(key) || value === "" || value.length > longestLabel || /\p{Cc}/u.test(value)) {
    throw new InvalidArgumentError("key=value is expected, such as region=gz.");
  }
  if (Object.hasOwn(before, key)) throw new InvalidArgumentError(`${key} was given already.`);
  return { ...before, [key]: value };
}

/** @throws InvalidArgumentError */
export function parseCapacity(text: string): number {
  const number = /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= mostCapacity))
    throw new InvalidArgumentError(`A whole number from 0 to ${mostCapacity} is expected.`);
  return number;
}

export interface CreateHostOptions {
  readonly label?: HostLabels;
  readonly capacity: number;
  readonly json?: boolean;
}

export function createHostCommand(config: Config, name: string, options: CreateHostOptions): Promise<void> {
  const { label: labels = {}, capacity, json } = options;
  return withStore(config, async (store) => {
    const token = (await createHost(store, { name, labels, capacity }, Date.now())).reveal();
    printToken(name, token, json);
  });
}

/** The only time that it is shown. */
function printToken(name: string, token: string, isJson: boolean | undefined): void {
  if (isJson) process.stdout.write(`${JSON.stringify({ name, token })}\n`);
  else process.stdout.write(`Host   ${name}\nToken  ${token}\n`);
}

export function replaceHostTokenCommand(config: Config, name: string, options: { json?: boolean }): Promise<void> {
  return withStore(config, async (store) => {
    printToken(name, (await replaceHostToken(store, name)).reveal(), options.json);
  });
}

export function listHostsCommand(config: Config, options: { json?: boolean }): Promise<void> {
  return withStore(config, async (store) => {
    const hosts = await listHosts(store);
    if (options.json) process.stdout.write(`${JSON.stringify(hosts)}\n`);
    else printTable(["host", "state", "gateways", "joined", "labels", "created"], hosts.map(rowOf));
  });
}

function rowOf({ name, state, gateways, capacity, isJoined, labels, createdAtMs }: HostListing): string[] {
  const held = capacity === 0 ? String(gateways) : `${gateways} of ${capacity}`;
  const shown = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [name, state, held, isJoined ? "yes" : "no", shown.join(" "), new Date(createdAtMs).toISOString()];
}

export function setHostStateCommand(config: Config, name: string, state: HostState): Promise<void> {
  return withStore(config, (store) => setHostState(store, name, state));
}

/** Waits until the host is empty, unless told not to, and says each time how many gateways are left. */
export function drainHostCommand(config: Config, name: string, options: { wait: boolean }): Promise<void> {
  return withStore(config, async (store) => {
    await setHostState(store, name, "draining");
    for (let before: number | undefined; options.wait; await pause(drainPollMs)) {
      const { state, gateways } = await getHost(store, name);
      if (state !== "draining") throw new HostError("in-use", `${name} is ${state} again, with ${gateways} gateways`);
      if (gateways !== before) process.stdout.write(`${name} holds ${gateways} gateways\n`);
      if (gateways === 0) return;
      before = gateways;
    }
  });
}

export function removeHostCommand(config: Config, name: string): Promise<void> {
  return withStore(config, (store) => removeHost(store, name));
}

// Changes a channel through the API, and looks at what came of it: for the tests of ModifyVpnConnEx.
import { expect } from "vitest";
import { call, type Reply } from "../../src/cli/client.ts";
import { withoutDiagnosis } from "./diagnoses.ts";
import type { LocalServer } from "./local-server.ts";
import { expectRefusal } from "./refusal.ts";
import { dataOf, numberAt, type Row, rowOf, textAt } from "./reply.ts";
import { waitForTask } from "./scene.ts";

export type Settings = Readonly<Record<string, string>>;

/** Where a channel that DescribeVpnConn shows is, in unified ids. */
export function idsOf(conn: Row): Settings {
  return {
    vpcId: textAt(conn, "unVpcId"),
    vpnGwId: textAt(conn, "unVpnGwId"),
    vpnConnId: textAt(conn, "unVpnConnId"),
  };
}

export interface ConnChanges {
  /** Sends the change, and does not wait. */
  ask(conn: Row, settings?: Settings): Promise<Reply>;
  /** Changes a channel and waits until it is done. @returns `data` of the reply */
  modify(conn: Row, settings?: Settings): Promise<Row>;
  /** The channel as it is now. */
  show(conn: Row): Promise<Row>;
  /** A change that is InvalidParameter. */
  refuse(conn: Row, settings: Settings, mentions: readonly string[]): Promise<Reply>;
  /** The channel is as it was, but for these. */
  expectOnly(before: Row, changes: Row): Promise<void>;
}

/** The same for every test of a file, whose server is there once its tests run. */
export function changesOn(server: () => LocalServer): ConnChanges {
  const ask = (conn: Row, settings: Settings = {}) =>
    call(server().client, "ModifyVpnConnEx", { ...idsOf(conn), ...settings });
  const show = async (conn: Row) =>
    rowOf(await call(server().client, "DescribeVpnConn", { vpnConnId: textAt(conn, "unVpnConnId") }));
  return {
    ask,
    show,
    refuse: (conn, settings, mentions) =>
      expectRefusal(server(), "parameter-invalid", () => ask(conn, settings), mentions),
    modify: async (conn, settings) => {
      const data = dataOf(await ask(conn, settings));
      expect(await waitForTask(server().client, String(numberAt(data, "taskId")))).toEqual({ status: 0 });
      return data;
    },
    expectOnly: async (before, changes) => {
      const { netStatus: _before, ...rest } = withoutDiagnosis(before);
      const { netStatus: _after, ...after } = withoutDiagnosis(await show(before));
      expect(after).toEqual({ ...rest, ...changes });
    },
  };
}

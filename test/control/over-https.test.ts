// Control over HTTPS does what control over the store does, which it has at its far end.
import { DirectControl } from "../../src/control/direct/direct-control.ts";
import { RemoteControl } from "../../src/control/remote/remote-control.ts";
import { makeSqlite } from "../store/databases.ts";
import { placeOf, startNode } from "../support/host-desk.ts";
import { describeControl } from "./conformance.ts";
import type { Backing, ControlUnderTest } from "./scene.ts";

async function overHttps(backing: Backing): Promise<ControlUnderTest> {
  const { store, remove } = await makeSqlite();
  const direct = new DirectControl({ store, ...backing });
  const node = await startNode(() => direct);
  const control = new RemoteControl(await placeOf(node.endpoint));
  return {
    control,
    store,
    silence: node.stop,
    remove: async () => {
      control.close();
      await node.stop();
      await remove();
    },
  };
}

describeControl("over HTTPS", overHttps, { canBeSilenced: true });

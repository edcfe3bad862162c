// A reconciler that holds what its leases say, in a world of its own, with a hand on what control says and hears.
import { DirectControl } from "../../src/control/direct/direct-control.ts";
import { Reconciler } from "../../src/reconcile/reconciler.ts";
import { makePlace, type Operator, type Place } from "./operations.ts";
import { ReconcileWorld } from "./reconcile-world.ts";
import { ScriptedControl } from "./scripted-control.ts";
import { ScriptedLeases } from "./scripted-leases.ts";

export interface LeasedWorld {
  readonly world: ReconcileWorld;
  readonly leases: ScriptedLeases;
  readonly control: ScriptedControl;
  /** How often it was said that something is not held. */
  readonly notHeld: number;
  readonly place: Place;
  readonly other: Place;
  readonly operator: Operator;
  /** Asks what is held, and says so. */
  renew(): Promise<void>;
  /** The term of the leases is over. */
  expire(): void;
}

/** With two gateways, the first of which is held; not started. */
export async function makeLeasedWorld(): Promise<LeasedWorld> {
  const leases = new ScriptedLeases();
  const parts: { control?: ScriptedControl; reconciler?: Reconciler; notHeld: number } = { notHeld: 0 };
  const renew = async () => parts.reconciler?.hold((await parts.control?.renew()) ?? leases.leases);
  const world = await ReconcileWorld.make({
    makeHost: ({ store, keepTrafficMs: _, ...context }) => {
      const control = new ScriptedControl(new DirectControl({ store, clock: context.clock, leases }));
      const onNotHeld = () => {
        parts.notHeld += 1;
      };
      const reconciler = new Reconciler({ ...context, control, onNotHeld });
      Object.assign(parts, { control, reconciler });
      return {
        start: async () => {
          await reconciler.start();
          await renew();
        },
        nudge: (id) => reconciler.nudge(id),
        stop: () => reconciler.stop(),
      };
    },
  });
  const { operator } = world;
  const [place, other] = [await makePlace(operator), await makePlace(operator)];
  leases.hold(place.vpnGw.id);
  return {
    world,
    leases,
    operator,
    place,
    other,
    renew,
    expire: () => parts.reconciler?.hold({ termMs: 0, gatewayIds: [], leavingIds: [] }),
    get control() {
      if (parts.control === undefined) throw new TypeError("the world has made its host by now");
      return parts.control;
    },
    get notHeld() {
      return parts.notHeld;
    },
  };
}

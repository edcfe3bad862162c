// What the lab needs of the machine, said before anything is made.
import { access } from "node:fs/promises";

const needed = [
  "/usr/sbin/charon-systemd",
  "/usr/sbin/swanctl",
  "/etc/strongswan.conf",
  "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so",
  "/usr/lib/ipsec/plugins/libstrongswan-openssl.so",
];
const packages = "charon-systemd strongswan-swanctl libcharon-extra-plugins libstrongswan-standard-plugins";

/** @throws Error with what a person has to do */
export function checkIsRoot(): void {
  if (process.getuid?.() !== 0) throw new Error("The lab makes network namespaces: run it as root, or with sudo.");
}

/** @throws Error with what a person has to do */
export async function checkPrerequisites(): Promise<void> {
  checkIsRoot();
  if (!(await areThere(needed))) {
    throw new Error(
      `The lab's remote site needs strongSwan: run \`apt-get install -y --no-install-recommends ${packages}\`.`,
    );
  }
  if (!(await areThere(["/dev/net/tun"]))) throw new Error("The lab needs /dev/net/tun: run `modprobe tun`.");
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return !found.includes(false);
}

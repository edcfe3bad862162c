// The strongswan.conf of one charon: the only file it reads. It holds no secret.
import type { Esp } from "./esp.ts";

/**
 * The text of a strongswan.conf (https://docs.strongswan.org/docs/5.9/config/strongswanConf.html) for a charon whose files
 * are in `dir`. `dir` must not contain a double quote or a line break.
 *
 * - `openssl` alone gives every algorithm of the contract, DES by its legacy provider.
 * - `kernel-libipsec` (ESP in userspace, over a TUN) comes before `kernel-netlink`, which stays for routes and addresses; where
 *   the kernel does ESP, `kernel-netlink` is for that too, and the other is not loaded.
 * - A lost packet is sent again after 0.5 s, not 4 s: in aggressive mode the peer may take quick mode before phase 1 is done
 * and drop
 *   it, and only the retransmission cures that. A silent peer is given up after 20.7 s.
 * - The form of the log is what log-line.ts reads; each line is there at once.
 * - `delete_rekeyed` stays at its default `no`: with `yes`, two rekeyings by volume that collide leave a tunnel dead.
 */
export function charonConf(dir: string, esp: Esp): string {
  const kernelPlugins = esp === "kernel" ? "kernel-netlink" : "kernel-libipsec kernel-netlink";
  return `charon {
  load_modular = no
  load = random nonce openssl ${kernelPlugins} socket-default vici updown counters
  threads = 16
  retransmit_timeout = 0.5
  retransmit_base = 1.8
  retransmit_tries = 5
  install_virtual_ip = no
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {
    vici {
      socket = "unix://${dir}/charon.vici"
    }
  }
  filelog {
    log {
      path = "${dir}/charon.log"
      time_format = %Y-%m-%dT%H:%M:%S
      time_add_ms = yes
      ike_name = yes
      flush_line = yes
      append = yes
      default = 1
    }
  }
}
charon-systemd {
  journal {
    default = -1
  }
}
`;
}
